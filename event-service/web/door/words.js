// The door's own words: nobody else loads them.
import { addWords } from "../language.js";
import en from "../locales/door-en.js";
import ru from "../locales/door-ru.js";

addWords({ en, ru });
