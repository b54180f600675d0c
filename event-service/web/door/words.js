// The door's own words: nobody else loads them. Both languages, so that each works without a network.
import { language, learn } from "../language.js";
import en from "../locales/door-en.js";
import ru from "../locales/door-ru.js";

learn({ en, ru }[language]);
