// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).

/**
 * The texts of a node's title, `<strong>name</strong><br/>task`, as text: a document made by
 * DOMParser runs no script and loads nothing, and no markup of the title gets into the page.
 *
 * @param {string} title HTML
 * @returns {{name: string, task: string}}
 */
export function parseNodeTitle(title) {
    const { body } = new DOMParser().parseFromString(title || "", "text/html");
    const strong = body.querySelector("strong");
    const name = (strong || body).textContent.trim();
    strong?.remove();
    return { name, task: strong ? body.textContent.trim() : "" };
}
