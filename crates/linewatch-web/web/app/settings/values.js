/**
 * What a form of settings needs to know about values: reading them by key, writing them as text, telling what changed, wording
 * where they come from. Pure: objects and strings in, the same out. Keys have points, as in the file.
 */

/** @typedef {string | number | boolean | string[] | Record<string, string>} Value */
/** @typedef {{ key: string, kind: "text" | "number" | "percent" | "list" | "pairs" | "flag" | "choice" | "secret", options?: readonly string[], isFixed?: boolean }} Field */
/** @typedef {{ kind: "default" | "file" | "here" | "other", text: string, back: string | null, isFile: boolean }} Origin */

const HERE = "changed here";

/** The value at a key. @param {unknown} tree @param {string} key @returns {unknown} */
export function at(tree, key) {
  let value = /** @type {any} */ (tree);
  for (const part of key.split(".")) value = value === null || value === undefined ? undefined : value[part];
  return value;
}

/** A value as a person edits it. @param {Field} field @param {unknown} value @returns {string} */
export function textOf(field, value) {
  if (value === null || value === undefined) return "";
  if (field.kind === "percent") return String(Math.round(Number(value) * 1e8) / 1e6);
  if (field.kind === "list") return /** @type {string[]} */ (value).join(", ");
  if (field.kind === "pairs") return Object.entries(/** @type {Record<string, string>} */ (value)).map(([name, word]) => `${name}=${word}`).join(", ");
  return String(value);
}

/**
 * What was typed, as JSON. What is no number is sent as it stands: the server's own sentence says what is wrong with it.
 * @param {Field} field @param {string} text @returns {Value}
 */
export function valueOf(field, text) {
  const word = text.trim();
  if (field.kind === "number" || field.kind === "percent") {
    const number = Number(word.replace(",", "."));
    if (word === "" || !Number.isFinite(number)) return word;
    return field.kind === "percent" ? Math.round(number * 1e6) / 1e8 : number;
  }
  if (field.kind === "flag") return word === "true";
  if (field.kind === "list") return parts(word);
  if (field.kind === "pairs") {
    return Object.fromEntries(parts(word).map((pair) => {
      const cut = pair.indexOf("=");
      return cut < 0 ? [pair, ""] : [pair.slice(0, cut).trim(), pair.slice(cut + 1).trim()];
    }));
  }
  return word;
}

/** @param {string} text */
function parts(text) {
  return text.split(",").map((part) => part.trim()).filter(Boolean);
}

/**
 * What is to be sent so that what was typed holds. `reset` holds the keys that go back to the file.
 * @param {readonly Field[]} fields
 * @param {unknown} config As it is now.
 * @param {ReadonlyMap<string, string>} typed By key.
 * @param {ReadonlySet<string>} back Keys that go back to the file.
 */
export function changesOf(fields, config, typed, back) {
  /** @type {Record<string, Value>} */
  const set = {};
  for (const field of fields) {
    const text = typed.get(field.key);
    if (back.has(field.key) || text === undefined || text.trim() === textOf(field, at(config, field.key))) continue;
    set[field.key] = valueOf(field, text);
  }
  return { set, reset: [...back] };
}

/**
 * What brings everything back to how it was: a value that was changed here before is set again, any other goes back to the file.
 * @param {unknown} config Before. @param {Readonly<Record<string, string>>} origins Before. @param {readonly string[]} keys
 */
export function undoOf(config, origins, keys) {
  /** @type {Record<string, unknown>} */
  const set = {};
  /** @type {string[]} */
  const reset = [];
  for (const key of keys) {
    if (originOf(origins, key) === HERE) set[key] = at(config, key);
    else reset.push(key);
  }
  return { set, reset };
}

/** Where the value of a key comes from; a list or a table has the origin of the first of its keys. @param {Readonly<Record<string, string>>} origins @param {string} key */
export function originOf(origins, key) {
  if (key in origins) return origins[key] ?? "default";
  const inside = Object.keys(origins).find((known) => known.startsWith(`${key}.`) || known.startsWith(`${key}[`));
  return inside === undefined ? "default" : origins[inside] ?? "default";
}

/**
 * The origin in words, and what the value would be without the page's change.
 * @param {{ origins: Record<string, string>, file: unknown, file_origins: Record<string, string> }} info @param {Field} field @returns {Origin}
 */
export function origin(info, field) {
  const text = originOf(info.origins, field.key);
  const kind = text === HERE ? "here" : text === "default" ? "default" : / line \d+$/.test(text) ? "file" : "other";
  if (kind !== "here" || info.file === null) return { kind, text, back: null, isFile: false };
  const before = at(info.file, field.key);
  const back = Array.isArray(before) && before.some((one) => typeof one === "object") ? String(before.length) : textOf(field, before);
  return { kind, text, back, isFile: originOf(info.file_origins, field.key) !== "default" };
}

/** How many values of each origin. @param {{ origins: Record<string, string>, file: unknown, file_origins: Record<string, string> }} info @param {readonly Field[]} fields */
export function originCounts(info, fields) {
  const counts = { file: 0, default: 0, here: 0, other: 0 };
  for (const field of fields) counts[origin(info, field).kind] += 1;
  return counts;
}

/**
 * Both sides of a lost update: keys where somebody else's value is neither what was seen nor what is wanted.
 * @param {readonly Field[]} fields @param {unknown} seen @param {unknown} theirs @param {Readonly<Record<string, unknown>>} mine
 */
export function conflicts(fields, seen, theirs, mine) {
  return fields.flatMap((field) => {
    const [was, is] = [textOf(field, at(seen, field.key)), textOf(field, at(theirs, field.key))];
    const wanted = field.key in mine ? textOf(field, mine[field.key]) : null;
    return is === was || is === wanted ? [] : [{ key: field.key, theirs: is, mine: wanted }];
  });
}

/** "1 s", "200 ms": a length of time as the file has it, written as everywhere else on the page. @param {string} length */
export function spaced(length) {
  return length.replace(/^([\d.]+)(\p{L})/u, "$1 $2");
}
