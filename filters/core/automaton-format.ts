// The layout of one automaton, for both compilers; automaton.ts draws it.

// --- Header: u32 fields at these byte offsets ---
/** Bytes of the whole, a multiple of 4. */
export const AUTOMATON_LENGTH: u32 = 0;
/** Bytes of one entry: 2 or 4. */
export const AUTOMATON_ENTRY_SIZE: u32 = 4;
/** Rows, the dead one included. */
export const AUTOMATON_ROW_COUNT: u32 = 8;
/** Entries of a row: one for each class of bytes, and the accept list. */
export const AUTOMATON_ROW_WIDTH: u32 = 12;
export const AUTOMATON_CHAIN_COUNT: u32 = 16;
export const AUTOMATON_LIST_COUNT: u32 = 20;
export const AUTOMATON_ID_COUNT: u32 = 24;
/** Bytes of the chains' texts, the slack behind them not counted. */
export const AUTOMATON_TEXT_LENGTH: u32 = 28;
/** Reference of the state that a text starts in. */
export const AUTOMATON_START: u32 = 32;
/** 1: only UTF-8 as RE2 reads it can match. 0: any bytes can. */
export const AUTOMATON_TEXT_ONLY: u32 = 36;
/** Byte offsets of the sections; the reader's short cut, since the counts give them too. */
export const AUTOMATON_CHAINS_OFF: u32 = 40;
export const AUTOMATON_LISTS_OFF: u32 = 44;
export const AUTOMATON_IDS_OFF: u32 = 48;
export const AUTOMATON_TEXT_OFF: u32 = 52;
export const AUTOMATON_CLASSES: u32 = 56;
export const AUTOMATON_ROWS: u32 = 312;

// --- A chain: what stands where one text only leads on ---
/** From the start of the texts. */
export const CHAIN_TEXT_OFF: u32 = 0;
export const CHAIN_TEXT_LEN: u32 = 4;
/** Reference of the state behind it. */
export const CHAIN_NEXT: u32 = 8;
export const CHAIN_SIZE: u32 = 12;

/** Bytes behind the texts that a reader of whole words may touch. */
export const AUTOMATON_SLACK: u32 = 8;
