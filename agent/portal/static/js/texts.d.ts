// What the server makes of the catalogue for this page (see agent/words/page.js).
export { currentLanguage, has, inOurs, list, locale, speak, t, tags } from "../../../words/page.js";
