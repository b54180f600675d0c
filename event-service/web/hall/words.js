// The words of a hall's plan and of an event's form, learned by whoever opens them.
import { language, learn } from "../language.js";
import en from "../locales/hall-en.js";
import ru from "../locales/hall-ru.js";

learn({ en, ru }[language]);
