// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).

/**
 * What is seen of a picture: a view `{x, y, scale}` puts the picture's point (0, 0) at pixel
 * (x, y) of the window and makes its unit `scale` pixels. Sizes are `{width, height}`.
 */

export const MIN_SCALE = 0.02;
export const MAX_SCALE = 2.5;
const MARGIN = 24;

export function fitScale(picture, size) {
    const scale = Math.min(
        (size.width - 2 * MARGIN) / picture.width,
        (size.height - 2 * MARGIN) / picture.height,
        1
    );
    return Math.max(scale, MIN_SCALE);
}

/** All of the picture, in the middle. */
export function fitView(picture, size) {
    const scale = fitScale(picture, size);
    return {
        scale,
        x: (size.width - picture.width * scale) / 2,
        y: (size.height - picture.height * scale) / 2,
    };
}

/** The box in the middle, but no empty space where the picture could fill the window. */
export function centredView(picture, size, box, scale) {
    const along = (start, length, total, available) => {
        const free = available - total * scale;
        if (free > 2 * MARGIN) {
            return free / 2;
        }
        const wanted = available / 2 - (start + length / 2) * scale;
        return Math.min(MARGIN, Math.max(free - MARGIN, wanted));
    };
    return {
        scale,
        x: along(box.x, box.width, picture.width, size.width),
        y: along(box.y, box.height, picture.height, size.height),
    };
}

/** Zoom, with the pixel (x, y) fixed, but not below a scale. */
export function zoomView(view, factor, { x, y }, minScale = MIN_SCALE) {
    const scale = Math.min(MAX_SCALE, Math.max(minScale, view.scale * factor));
    const ratio = scale / view.scale;
    return { scale, x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio };
}

/** Move the least, so that a box of the picture is seen. */
export function revealBox(view, size, box) {
    const along = (origin, start, length, available) => {
        const first = origin + start * view.scale;
        const last = first + length * view.scale;
        if (first < MARGIN) {
            return origin + MARGIN - first;
        }
        return last > available - MARGIN ? origin + available - MARGIN - last : origin;
    };
    return {
        ...view,
        x: along(view.x, box.x, box.width, size.width),
        y: along(view.y, box.y, box.height, size.height),
    };
}
