/**
 * The elements' look, as the portal's: constructed sheets, which no `style-src` forbids.
 *
 * @module style
 */
/** @type {string} */
export declare const STATUS_STYLE: string;
/** @type {string} */
export declare const BUTTON_STYLE: string;
