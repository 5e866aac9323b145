type PageLanguage = {tag: string, name: string, reviewed: boolean, locale: string};
/** What the server puts before page.js: the languages, the one to begin with first. */
declare const LANGUAGES: [PageLanguage, ...PageLanguage[]];
/** The texts of each language by its tag. */
declare const TEXTS: Record<string, any>;
