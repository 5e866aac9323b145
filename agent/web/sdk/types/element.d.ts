/**
 * Two elements for pages: `<ankong-status>`, whether the agent runs and what to do if not, and `<ankong-button>`, which has a person
 * log in with their card. Importing this module registers both. Neither ever takes a PIN.
 *
 *     <ankong-status></ankong-status>
 *     <ankong-button challenge-url="/login/challenge" submit-url="/login"></ankong-button>
 *
 * @module element
 */
import { Ankong } from "./ankong.js";
export type Snapshot = import("./ankong.js").Snapshot;
export type PublicAnkong = Pick<Ankong, keyof Ankong>;
export type Challenge = {
    challenge: string | Uint8Array;
    challenge_id?: unknown;
};
/** On a server that renders pages there are no elements: the classes do nothing there. @type {typeof HTMLElement} */
declare const Base: typeof HTMLElement;
/** What both elements have: an agent, a language, a shadow tree. */
declare class AnkongElement extends Base {
    #private;
    /** The agent, or what stands for it in a test; the document's shared one where none was set. @returns {PublicAnkong} */
    get agent(): PublicAnkong;
    set agent(agent: PublicAnkong);
    /** Begin anew, as another agent was set. */
    restart(): void;
    /** The language of this element, or of what is around it. */
    get language(): import("./explain.js").Language;
    /** All that we say in it. */
    get words(): import("./words.js").Words;
    /** Make the shadow tree, once. @param {string} style @param {Node[]} children */
    build(style: string, ...children: Node[]): void;
}
/** Whether the agent runs, and on demand why not and what to do. Attributes: `lang`, `download-url`; `state` and `reason` are set by itself. */
export declare class AnkongStatus extends AnkongElement {
    #private;
    static observedAttributes: string[];
    connectedCallback(): void;
    disconnectedCallback(): void;
    attributeChangedCallback(): void;
    /** @override */
    restart(): void;
}
/**
 * Log a person in with their card: asks the site for a challenge, has the agent sign it, and hands the token to the site.
 *
 * Attributes: `challenge-url` and `submit-url`, both of this origin; `purpose`, "login" or "identify"; `disabled`, `lang`. Events:
 * `ankong-done`, whose detail is the site's answer, or the token where there is no `submit-url`; `ankong-error`, whose detail is
 * an `AnkongError`. Both bubble; `preventDefault()` keeps the element from saying it in its own words.
 */
export declare class AnkongButton extends AnkongElement {
    #private;
    static observedAttributes: string[];
    /** Where the challenge comes from instead of `challenge-url`. @type {(() => Promise<Challenge>|Challenge)|null} */
    request: (() => Promise<Challenge> | Challenge) | null;
    /** Milliseconds in which the site has to answer. */
    siteTimeout: any;
    connectedCallback(): void;
    disconnectedCallback(): void;
    attributeChangedCallback(): void;
    get disabled(): boolean;
    set disabled(disabled: boolean);
    /** What the person is asked to do, in the words of the agent's window. */
    get purpose(): "login" | "identify";
}
export {};
