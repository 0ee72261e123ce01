// What a plain (unquoted) YAML scalar means. kubectl and the API server read YAML by the rules of
// version 1.1 as Go's parser has them, so `yes` is a boolean and `0644` is octal there; reading
// them otherwise here would accept manifests that a cluster refuses, or route differently.

const words = new Map<string, boolean | null | number>([
  ...["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"].map(
    (w) => [w, true] as const,
  ),
  ...["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"].map(
    (w) => [w, false] as const,
  ),
  ...["", "~", "null", "Null", "NULL"].map((w) => [w, null] as const),
  ...[".nan", ".NaN", ".NAN"].map((w) => [w, Number.NaN] as const),
  ...[".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"].map(
    (w) => [w, Number.POSITIVE_INFINITY] as const,
  ),
  ...["-.inf", "-.Inf", "-.INF"].map((w) => [w, Number.NEGATIVE_INFINITY] as const),
]);

const float = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const integer = /^([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))$/;

/** The longest word of the table. A longer scalar without a digit is a string at once. */
const wordLengthMax = 5;

export type Scalar = string | number | boolean | null;

export function resolvePlain(text: string): Scalar {
  const first = text.charCodeAt(0);
  const digit = first >= 48 && first <= 57;
  if (digit || first === 43 || first === 45 || first === 46) {
    const number = resolveNumber(text);
    if (number !== undefined) return number;
  }
  if (text.length > wordLengthMax) return text;
  const word = words.get(text);
  return word === undefined ? text : word;
}

function resolveNumber(text: string): number | undefined {
  const plain = text.includes("_") ? text.replaceAll("_", "") : text;
  const parts = integer.exec(plain);
  if (parts) {
    const [, sign, hex, binary, octal, decimal] = parts;
    const size =
      hex !== undefined ? Number.parseInt(hex, 16)
      : binary !== undefined ? Number.parseInt(binary, 2)
      : octal !== undefined ? Number.parseInt(octal, 8)
      : Number(decimal);
    return sign === "-" && size !== 0 ? -size : size;
  }
  return float.test(plain) ? Number(plain) : undefined;
}
