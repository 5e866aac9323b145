/** A box for a PIN that no browser takes for a password. */
/**
 * Makes an input the box for a PIN: the input itself holds only dots, and so do the browser's history, the clipboard,
 * what is restored after a crash, and what a screen reader reads of it.
 *
 * A field of the type "password" is offered for saving whatever its `autocomplete` says.
 */
export declare class PinBox {
    #private;
    /** @param {HTMLInputElement} input */
    constructor(input: HTMLInputElement);
    /** Take the PIN out of the box, which is empty then. */
    take(): string;
    /** Whether there is nothing but digits in it, as in most PINs; what there is stays here. */
    get isOfDigits(): boolean;
    /** Empty the box. */
    clear(): void;
}
