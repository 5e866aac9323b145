/** The documents of a question that the agent asks now: the very octets, in a page of ours and not of the site's. */

import { Refused, download, get } from "../api.js";
import { fingerprint, sizeText, warned } from "../documents.js";
import { button, fill, h } from "../dom.js";
import { t } from "../i18n.js";
import { heading, notice, save, trouble } from "../parts.js";

/** @typedef {{name: string|null, size: number, sha256: string, pages: number, warnings: string[], mark: number|null, field: string|null, remark: string[], password: string|null}} Viewed `password` is the site's to tell, and opens the document here */

/** The part of the panel that draws documents, by an address of ours alone. */
const PREVIEW = "../preview.js";
/** How many are drawn unasked: each has a worker of its own, and the site says how many there are. */
const DRAWN = 8;

/** @param {unknown} error */
const said = (error) => (error instanceof Refused && error.code === "bad_request" ? notice("warning", h("p", {}, t("look.gone"))) : trouble(error));

/** Draw a document where the panel can. @param {object} wanted */
async function drawn(wanted) {
  try {
    return (await import(PREVIEW)).preview(wanted).element;
  } catch {
    return notice("warning", h("p", {}, t("preview.unable"))); // it is there to be saved
  }
}

/** @param {string} id @param {Viewed} viewed @param {number} number */
function paper(id, viewed, number) {
  const path = `documents/viewed/file?${new URLSearchParams({ id, number: String(number) })}`;
  const told = viewed.name;
  // The site chose the name, and must not choose what kind of file is saved.
  const name = `${(told ?? "document").replace(/\.pdf$/i, "")}.pdf`;
  const trouble = h("div", {});
  const place = h("div", {});
  const draw = async () => {
    const { size, sha256, password } = viewed;
    const element = await drawn({ name, path, size, sha256, password: password ?? undefined, refused: said });
    fill(place, element);
  };
  if (number <= DRAWN) void draw();
  else place.append(button("", t("sign.show"), draw));
  return h("section", { class: "sheet", "data-sha256": viewed.sha256 },
    h("h2", {}, told === null ? t("look.unnamed") : t("look.called", { name: told })),
    h("p", {}, t("documents.facts", { pages: viewed.pages, size: sizeText(viewed.size) })),
    fingerprint(viewed.sha256),
    warned(viewed.warnings),
    viewed.mark !== null && h("p", {}, t("look.mark", { page: viewed.mark })),
    viewed.field !== null && h("p", {}, h("bdi", {}, t("look.field", { name: viewed.field }))),
    viewed.remark.length > 0 && h("div", {}, h("p", {}, t("look.remark")), h("blockquote", {}, viewed.remark.map((line) => h("p", {}, h("bdi", {}, line))))),
    h("p", {}, button("", t("look.save"), async () => {
      try {
        save(await download(path), name);
      } catch (error) {
        fill(trouble, said(error));
      }
    })),
    trouble,
    place);
}

/** @type {{show: (place: HTMLElement) => Promise<void>}} */
export const look = {
  async show(place) {
    const [, id = ""] = location.hash.replace(/^#\/?/, "").split("/");
    fill(place, heading(t("look.title"), t("look.lead")));
    try {
      const { documents } = await get(`documents/viewed?${new URLSearchParams({ id })}`);
      place.append(...documents.map((/** @type {Viewed} */ each, /** @type {number} */ at) => paper(id, each, at + 1)));
    } catch (error) {
      place.append(said(error));
    }
  },
};
