// The named sets of RE2's syntax (Perl, POSIX, Unicode) and simple case folding. What Unicode says
// is taken from the JavaScript engine, so that no table is shipped twice.

import { negate, normal, RUNE_MAX, type Ranges } from "./ranges.ts";

const DIGIT: Ranges = [0x30, 0x39];
const WORD: Ranges = [0x30, 0x39, 0x41, 0x5a, 0x5f, 0x5f, 0x61, 0x7a];
/** Perl's \s in RE2 has no vertical tab, POSIX's [:space:] has. */
const SPACE: Ranges = [0x09, 0x0a, 0x0c, 0x0d, 0x20, 0x20];

export const perlGroups: ReadonlyMap<string, Ranges> = new Map([
  ["d", DIGIT], ["s", SPACE], ["w", WORD],
]);

export const posixGroups: ReadonlyMap<string, Ranges> = new Map<string, Ranges>([
  ["alnum", [0x30, 0x39, 0x41, 0x5a, 0x61, 0x7a]],
  ["alpha", [0x41, 0x5a, 0x61, 0x7a]],
  ["ascii", [0x00, 0x7f]],
  ["blank", [0x09, 0x09, 0x20, 0x20]],
  ["cntrl", [0x00, 0x1f, 0x7f, 0x7f]],
  ["digit", DIGIT],
  ["graph", [0x21, 0x7e]],
  ["lower", [0x61, 0x7a]],
  ["print", [0x20, 0x7e]],
  ["punct", [0x21, 0x2f, 0x3a, 0x40, 0x5b, 0x60, 0x7b, 0x7e]],
  ["space", [0x09, 0x0d, 0x20, 0x20]],
  ["upper", [0x41, 0x5a]],
  ["word", WORD],
  ["xdigit", [0x30, 0x39, 0x41, 0x46, 0x61, 0x66]],
]);

/** RE2 knows assigned characters only: its \pC leaves out what Unicode has not given away. */
const categories = new Set((
  "C Cc Cf Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So "
  + "Z Zl Zp Zs").split(" "));

/** By their long names only, and in this very case; RE2 of November 2025 has these. */
const scripts = new Set((
  "Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak "
  + "Bengali Bhaiksuki Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian "
  + "Caucasian_Albanian Chakma Cham Cherokee Chorasmian Common Coptic Cuneiform Cypriot "
  + "Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan Egyptian_Hieroglyphs "
  + "Elbasan Elymaic Ethiopic Georgian Glagolitic Gothic Grantha Greek Gujarati Gunjala_Gondi "
  + "Gurmukhi Han Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew Hiragana Imperial_Aramaic "
  + "Inherited Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Katakana "
  + "Kawi Kayah_Li Kharoshthi Khitan_Small_Script Khmer Khojki Khudawadi Lao Latin Lepcha Limbu "
  + "Linear_A Linear_B Lisu Lycian Lydian Mahajani Makasar Malayalam Mandaic Manichaean Marchen "
  + "Masaram_Gondi Medefaidrin Meetei_Mayek Mende_Kikakui Meroitic_Cursive "
  + "Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar Nabataean Nag_Mundari "
  + "Nandinagari New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki "
  + "Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian Old_Sogdian "
  + "Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage Osmanya Pahawh_Hmong Palmyrene "
  + "Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada "
  + "Shavian Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese Syloti_Nagri "
  + "Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana "
  + "Thai Tibetan Tifinagh Tirhuta Toto Ugaritic Vai Vithkuqi Wancho Warang_Citi Yezidi Yi "
  + "Zanabazar_Square").split(" "));

const found = new Map<string, Ranges>();

/** The set behind \p{name}, or undefined where RE2 has none of that name. */
export function unicodeGroup(name: string): Ranges | undefined {
  const known = found.get(name);
  if (known !== undefined) return known;
  const ranges = lookUp(name);
  if (ranges !== undefined) found.set(name, ranges);
  return ranges;
}

function lookUp(name: string): Ranges | undefined {
  if (name === "Any") return [0, RUNE_MAX];
  if (name === "Cs") return [0xd800, 0xdfff];
  if (name === "C") {
    return normal(["Cc", "Cf", "Co", "Cs"].flatMap((part) => unicodeGroup(part) ?? []));
  }
  if (categories.has(name)) return scan(`\\p{gc=${name}}`);
  return scripts.has(name) ? scan(`\\p{Script=${name}}`) : undefined;
}

/** Runs of code points that a class of the engine's own regular expressions holds. */
function scan(source: string): Ranges {
  const run = new RegExp(`${source}+`, "gu");
  const pairs: number[] = [];
  const chunk = 0x800;
  for (let base = 0; base <= RUNE_MAX; base += chunk) {
    // A surrogate alone is no character; \p{Cs} is written out above.
    if (base === 0xd800) continue;
    const runes = Array.from({ length: chunk }, (_, i) => base + i);
    const text = String.fromCodePoint(...runes);
    const width = base > 0xffff ? 2 : 1;
    for (const match of text.matchAll(run)) {
      const low = base + match.index / width;
      pairs.push(low, low + match[0].length / width - 1);
    }
  }
  return normal(pairs);
}

/** Adds to a set whatever differs from a member by simple case folding only. */
export function foldClosure(ranges: Ranges): Ranges {
  const pairs = [...ranges];
  for (let i = 0; i < ranges.length; i += 2) {
    const low = ranges[i] ?? 0;
    const high = ranges[i + 1] ?? 0;
    if (high < 0x80) {
      for (let rune = low; rune <= high; rune += 1) addAsciiFolds(pairs, rune);
      continue;
    }
    for (const [rune, others] of folds()) {
      if (rune < low || rune > high) continue;
      for (const other of others) pairs.push(other, other);
    }
  }
  return normal(pairs);
}

function addAsciiFolds(pairs: number[], rune: number): void {
  const lower = rune | 0x20;
  if (lower < 0x61 || lower > 0x7a) return;
  pairs.push(rune ^ 0x20, rune ^ 0x20);
  // The Kelvin sign and the long s fold to ASCII letters.
  if (lower === 0x6b) pairs.push(0x212a, 0x212a);
  if (lower === 0x73) pairs.push(0x17f, 0x17f);
}

let foldTable: ReadonlyMap<number, readonly number[]> | undefined;

/** For each code point that has a case: all others of its orbit. */
function folds(): ReadonlyMap<number, readonly number[]> {
  foldTable ??= makeFolds();
  return foldTable;
}

/** Pairs that no mapping to the other case leads to: those are longer than one character. */
const longMappings: readonly (readonly [number, number])[] = [
  [0x390, 0x1fd3], [0x3b0, 0x1fe3], [0xfb05, 0xfb06],
];

function makeFolds(): ReadonlyMap<number, readonly number[]> {
  const orbitOf = new Map<number, Set<number>>();
  const join = (a: number, b: number): void => {
    const both = new Set([...orbitOf.get(a) ?? [a], ...orbitOf.get(b) ?? [b]]);
    for (const member of both) orbitOf.set(member, both);
  };
  const folds = (a: number, b: number): boolean =>
    new RegExp(`^\\u{${a.toString(16)}}$`, "iu").test(String.fromCodePoint(b));
  for (let rune = 0; rune <= 0x1ffff; rune += 1) {
    if (rune >= 0xd800 && rune <= 0xdfff) continue;
    const text = String.fromCodePoint(rune);
    for (const cased of [text.toLowerCase(), text.toUpperCase()]) {
      if (cased === text) continue;
      const other = cased.codePointAt(0) ?? 0;
      if (cased.length !== String.fromCodePoint(other).length) continue;
      if (folds(rune, other)) join(rune, other);
    }
  }
  for (const [a, b] of longMappings) if (folds(a, b)) join(a, b);
  return new Map([...orbitOf].map(([rune, orbit]) =>
    [rune, [...orbit].filter((other) => other !== rune)]));
}

/** A named set, negated or not, as it is under the flag i: folded first, then negated. */
export function group(ranges: Ranges, negative: boolean, fold: boolean): Ranges {
  const positive = fold ? foldClosure(ranges) : ranges;
  return negative ? negate(positive) : positive;
}
