/** Pages that look by themselves whether something has changed. */

const EVERY_MS = 2000;

/**
 * Look every two seconds while somebody sees the page: look, then wait, so that a slow server is
 * never asked twice at once. A look that fails is followed by the next.
 *
 * @param {() => Promise<void>} look
 */
export function keepLooking(look) {
  const goOn = async () => {
    if (document.visibilityState === "visible") await look().catch(() => undefined);
    setTimeout(goOn, EVERY_MS);
  };
  setTimeout(goOn, EVERY_MS);
}
