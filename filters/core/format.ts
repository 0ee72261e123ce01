// The table's format, version 3: the one place that both compilers (asc for the core, tsc for the
// encoder) take it from. docs/table-format.md explains it; a test holds the two together.
//
// A table is little-endian; every section starts at a multiple of 4 and holds records of one size.
//
//   0          64                  64 + 8 * SECTION_COUNT
//   | header   | section directory | section 0 | section 1 | …
//
// Records refer to each other by index and to text by (offset, length) in the STRINGS section.
// Where "the records from here to the next one's" belong together, one more record closes the
// section; it is not counted.

/** "FLRT", no zero byte: the optimiser strips zero bytes from data segments. */
export const MAGIC: u32 = 0x54524c46;
export const VERSION: u32 = 3;

// --- Header: u32 fields at these byte offsets ---
export const HEADER_MAGIC: u32 = 0;
export const HEADER_VERSION: u32 = 4;
/** Length of the whole table in bytes. */
export const HEADER_LENGTH: u32 = 8;
/** hash32 of all bytes from HEADER_CHECKED on. */
export const HEADER_CHECKSUM: u32 = 12;
export const HEADER_CHECKED: u32 = 16;
/** Bytes of zeroed memory the core needs behind the table for counters and request slots. */
export const HEADER_STATE_LENGTH: u32 = 16;
/**
 * Room for as many cursors: the most path expressions and shapes of one virtual host, and at
 * least 2 where there is a discriminator, else 1.
 */
export const HEADER_CURSORS: u32 = 24;
export const HEADER_SIZE: u32 = 64;

// --- Sections: the directory holds (offset: u32, count: u32) for each ---
export const SECTION_STRINGS: u32 = 0;
export const SECTION_NAMES: u32 = 1;
export const SECTION_GATEWAY_PORTS: u32 = 2;
export const SECTION_HOST_SLOTS: u32 = 3;
export const SECTION_VIRTUAL_HOSTS: u32 = 4;
export const SECTION_PATH_SLOTS: u32 = 5;
export const SECTION_PATHS: u32 = 6;
export const SECTION_MATCHES: u32 = 7;
export const SECTION_CONDITIONS: u32 = 8;
export const SECTION_RULES: u32 = 9;
export const SECTION_SPLITS: u32 = 10;
export const SECTION_BACKENDS: u32 = 11;
export const SECTION_CLUSTERS: u32 = 12;
export const SECTION_REDIRECTS: u32 = 13;
export const SECTION_EDIT_LISTS: u32 = 14;
export const SECTION_EDITS: u32 = 15;
export const SECTION_ACTIONS: u32 = 16;
export const SECTION_EXPRESSIONS: u32 = 17;
export const SECTION_AUTOMATA: u32 = 18;
export const SECTION_AUTOMATON_WORDS: u32 = 19;
export const SECTION_SHAPES: u32 = 20;
export const SECTION_DISCRIMINATORS: u32 = 21;
export const SECTION_ROUTE_POLICIES: u32 = 22;
export const SECTION_COUNT: u32 = 23;

/** In indexes: nothing there. */
export const NONE: u32 = 0xffffffff;

/** Of a virtual host's next: what nothing matches is left to the host that asks (VERDICT_LEAVE). */
export const LEFT: u32 = 0xfffffffe;

// NAMES: header names that are looked at, lower case; name n is read into slot SLOT_HEADERS + n.
export const NAME_OFF: u32 = 0;
export const NAME_LEN: u32 = 4;
export const NAME_SIZE: u32 = 8;

// GATEWAY_PORTS: `namespace/name:port`, and what redirects need to know about the listener.
export const GATEWAY_PORT_NAME_OFF: u32 = 0;
export const GATEWAY_PORT_NAME_LEN: u32 = 4;
export const GATEWAY_PORT_PORT: u32 = 8;
/** 1: requests arrive by https. */
export const GATEWAY_PORT_TLS: u32 = 12;
/** Bit n (0–31): there is a wildcard hostname of n labels (bit 0: "*", bit 31: 31 or more). */
export const GATEWAY_PORT_WILDCARDS: u32 = 16;
/** 1: there is a hostname without a wildcard. */
export const GATEWAY_PORT_EXACT: u32 = 20;
export const GATEWAY_PORT_SIZE: u32 = 24;

// HOST_SLOTS, PATH_SLOTS: open addressing with linear probing; at least one slot is empty. A key's
// first place is its tag * slots / 2^32; a slot is the key's tag and the record's index + 1.
export const HASH_SLOT_TAG: u32 = 0;
export const HASH_SLOT_INDEX: u32 = 4;
export const HASH_SLOT_SIZE: u32 = 8;

// VIRTUAL_HOSTS
/** The hostname without "*.", lower case; empty for "*". */
export const VIRTUAL_HOST_NAME_OFF: u32 = 0;
export const VIRTUAL_HOST_NAME_LEN: u32 = 4;
/** Bits: gateway port index << 1 | is a wildcard. */
export const VIRTUAL_HOST_KEY: u32 = 8;
/** Paths of this virtual host are the records from here to the next virtual host's. */
export const VIRTUAL_HOST_FIRST_PATH: u32 = 12;
/** Bit n (0–31): there is a prefix of n segments (bit 31: 31 or more). */
export const VIRTUAL_HOST_PREFIXES: u32 = 16;
/** Bit n (0–31): there is an exact path of n segments (bit 31: 31 or more). */
export const VIRTUAL_HOST_EXACT: u32 = 20;
/** Where nothing here matches: a later virtual host to go on with, NONE (404), or LEFT. */
export const VIRTUAL_HOST_NEXT: u32 = 24;
/** Regular expressions of this virtual host are EXPRESSIONS from here to the next one's. */
export const VIRTUAL_HOST_FIRST_EXPRESSION: u32 = 28;
/** Shapes of this virtual host are SHAPES from here to the next one's. */
export const VIRTUAL_HOST_FIRST_SHAPE: u32 = 32;
/**
 * How many bytes all paths of this virtual host begin with alike. NONE where a request for another
 * path is not sure to be answered 404, or a path is not ASCII. Any number is safe.
 */
export const VIRTUAL_HOST_LEAD: u32 = 36;
/** 64 bits: which bytes may follow that, by their lower 6 bits. */
export const VIRTUAL_HOST_FOLLOWERS: u32 = 40;
export const VIRTUAL_HOST_SIZE: u32 = 48;

// PATHS: one exact path, prefix or regular expression of one virtual host, and the matches that ask
// for it. Regular expressions that an automaton decides are not in PATH_SLOTS; those of a shape
// are, and their text is the literal segments with nothing in the places of parameters.
export const PATH_OFF: u32 = 0;
/** Bits: length << PATH_LEN_SHIFT | PATH_SPLIT or 0 | PATH_PREFIX and its kin. */
export const PATH_LEN_KIND: u32 = 4;
export const PATH_LEN_SHIFT: u32 = 3;
/** A discriminator (DISCRIMINATORS) tells most of the path's matches apart. */
export const PATH_SPLIT: u32 = 4;
export const PATH_KIND: u32 = 3;
export const PATH_PREFIX: u32 = 0;
export const PATH_EXACT: u32 = 1;
export const PATH_REGEX: u32 = 2;
/** No path but a value of the discriminator of the path record before it. */
export const PATH_VALUE: u32 = 3;
/** Matches of this path, highest precedence first, are the records from here to the next path's. */
export const PATH_FIRST_MATCH: u32 = 8;
export const PATH_SIZE: u32 = 12;

// MATCHES
export const MATCH_RULE: u32 = 0;
/** Conditions of this match are the records from here to the next match's. */
export const MATCH_FIRST_CONDITION: u32 = 4;
/** Bits: rank << 8 | METHOD_*. The rank orders matches of different records. */
export const MATCH_METHOD: u32 = 8;
export const MATCH_SIZE: u32 = 12;

// CONDITIONS: all of a match's must hold.
/** CONDITION_*. */
export const CONDITION_KIND: u32 = 0;
/** Of a header: NAMES index, and 0. Of a query parameter: its name's text. */
export const CONDITION_NAME: u32 = 4;
export const CONDITION_NAME_LEN: u32 = 8;
/** Exact: the value's text. Regular expression: AUTOMATA index, and 0. */
export const CONDITION_VALUE: u32 = 12;
export const CONDITION_VALUE_LEN: u32 = 16;
export const CONDITION_SIZE: u32 = 20;
/** The header is present and its value is equal, byte by byte. */
export const CONDITION_HEADER_EXACT: u32 = 1;
/** The header is present and all of its value matches. */
export const CONDITION_HEADER_REGEX: u32 = 2;
/** Likewise for the first query parameter of that name. */
export const CONDITION_QUERY_EXACT: u32 = 3;
export const CONDITION_QUERY_REGEX: u32 = 4;
/** All of the path's segment CONDITION_NAME (the first is 0) matches. */
export const CONDITION_SEGMENT_REGEX: u32 = 5;

// RULES
/** Bits: TARGET_* << 28 | index or status code. */
export const RULE_TARGET: u32 = 0;
/** ACTIONS index; of a split, each backend has its own instead. */
export const RULE_ACTION: u32 = 4;
export const RULE_SIZE: u32 = 8;

export const TARGET_SHIFT: u32 = 28;
export const TARGET_VALUE: u32 = 0x0fffffff;
export const TARGET_CLUSTER: u32 = 0;
export const TARGET_SPLIT: u32 = 1;
/** The gateway answers with this status code itself. */
export const TARGET_STATUS: u32 = 2;
export const TARGET_REDIRECT: u32 = 3;

// SPLITS: backends by weight; each backend has one i32 of state (smooth weighted round robin).
/** Backends of this split are the records from here to the next split's. */
export const SPLIT_FIRST_BACKEND: u32 = 0;
export const SPLIT_TOTAL_WEIGHT: u32 = 4;
/** PIN_*. */
export const SPLIT_PIN: u32 = 8;
/** NAMES index of the header (for a cookie: of "cookie"). */
export const SPLIT_PIN_NAME: u32 = 12;
/** The cookie's name; of a header empty. */
export const SPLIT_PIN_COOKIE_OFF: u32 = 16;
export const SPLIT_PIN_COOKIE_LEN: u32 = 20;
export const SPLIT_SIZE: u32 = 24;
/** Backends take turns. */
export const PIN_NONE: u32 = 0;
/** The hash of a header's or cookie's value decides; a request without it takes its turn. */
export const PIN_HEADER: u32 = 1;
export const PIN_COOKIE: u32 = 2;

// BACKENDS
/** TARGET_CLUSTER or TARGET_STATUS. */
export const BACKEND_TARGET: u32 = 0;
export const BACKEND_WEIGHT: u32 = 4;
/** ACTIONS index: the rule's and the backend's filters together. */
export const BACKEND_ACTION: u32 = 8;
export const BACKEND_SIZE: u32 = 12;

// CLUSTERS
export const CLUSTER_NAME_OFF: u32 = 0;
export const CLUSTER_NAME_LEN: u32 = 4;
export const CLUSTER_SIZE: u32 = 8;

// REDIRECTS
export const REDIRECT_STATUS: u32 = 0;
/** REDIRECT_SCHEME_*. */
export const REDIRECT_SCHEME: u32 = 4;
/** Length 0: the request's hostname. */
export const REDIRECT_HOST_OFF: u32 = 8;
export const REDIRECT_HOST_LEN: u32 = 12;
/** 0: none given. */
export const REDIRECT_PORT: u32 = 16;
/** REPLACE_*; then the replacement's text. */
export const REDIRECT_REPLACE: u32 = 20;
export const REDIRECT_REPLACE_OFF: u32 = 24;
export const REDIRECT_REPLACE_LEN: u32 = 28;
export const REDIRECT_SIZE: u32 = 32;
export const REDIRECT_SCHEME_SAME: u32 = 0;
export const REDIRECT_SCHEME_HTTP: u32 = 1;
export const REDIRECT_SCHEME_HTTPS: u32 = 2;

// What becomes of a path.
export const REPLACE_NOTHING: u32 = 0;
export const REPLACE_FULL_PATH: u32 = 1;
export const REPLACE_PREFIX: u32 = 2;

// EDIT_LISTS: list 0 is empty.
/** Edits of this list are the records from here to the next list's. */
export const EDIT_LIST_FIRST: u32 = 0;
export const EDIT_LIST_SIZE: u32 = 4;

// EDITS, in the order they are carried out.
export const EDIT_KIND: u32 = 0;
export const EDIT_NAME_OFF: u32 = 4;
export const EDIT_NAME_LEN: u32 = 8;
export const EDIT_VALUE_OFF: u32 = 12;
export const EDIT_VALUE_LEN: u32 = 16;
export const EDIT_SIZE: u32 = 20;
export const EDIT_SET: u32 = 1;
export const EDIT_ADD: u32 = 2;
export const EDIT_REMOVE: u32 = 3;

// ACTIONS: what is done to a request before it is forwarded; action 0 is to do nothing.
/** EDIT_LISTS index. */
export const ACTION_EDITS: u32 = 0;
/** ROUTE_POLICIES index: what the host carries out; 0 is nothing. */
export const ACTION_POLICY: u32 = 4;
/** The new host name; length 0: the client's stays. */
export const ACTION_HOST_OFF: u32 = 8;
export const ACTION_HOST_LEN: u32 = 12;
/** REPLACE_*; then the replacement's text. */
export const ACTION_REPLACE: u32 = 16;
export const ACTION_REPLACE_OFF: u32 = 20;
export const ACTION_REPLACE_LEN: u32 = 24;
export const ACTION_SIZE: u32 = 28;

// ROUTE_POLICIES: names that mean the same in every table; policy 0 has none and asks for nothing.
export const ROUTE_POLICY_NAME_OFF: u32 = 0;
export const ROUTE_POLICY_NAME_LEN: u32 = 4;
export const ROUTE_POLICY_SIZE: u32 = 8;

// DISCRIMINATORS, by PATH: where many matches share a path and ask for different values of one
// header or query parameter. The value is looked up in PATH_SLOTS; matches that do not ask for it
// stay with the path's own record, and the two are taken by rank.
/** PATHS index of the path; its values' records follow it. */
export const DISCRIMINATOR_PATH: u32 = 0;
/** The last of its values' records is the one before this. */
export const DISCRIMINATOR_END: u32 = 4;
/** CONDITION_HEADER_EXACT or CONDITION_QUERY_EXACT; then the name, as a condition has it. */
export const DISCRIMINATOR_KIND: u32 = 8;
export const DISCRIMINATOR_NAME: u32 = 12;
export const DISCRIMINATOR_NAME_LEN: u32 = 16;
export const DISCRIMINATOR_SIZE: u32 = 20;

// EXPRESSIONS: one automaton for several regular expressions of a virtual host.
/** AUTOMATA index. */
export const EXPRESSION_AUTOMATON: u32 = 0;
/** The automaton's pattern n is the PATHS record at this one + n. */
export const EXPRESSION_FIRST_PATH: u32 = 4;
export const EXPRESSION_SIZE: u32 = 8;

// SHAPES: path expressions that are literal segments and parameters, as /users/[^/]+/posts is. All
// of one shape are found by one look into PATH_SLOTS, however many they are.
/** At most SHAPE_SEGMENTS_MAX. */
export const SHAPE_SEGMENTS: u32 = 0;
/** TAIL_*, and TAIL_LINES where the tail may hold line feeds. */
export const SHAPE_TAIL: u32 = 4;
/** Bit n: segment n is a parameter. */
export const SHAPE_PARAMETERS: u32 = 8;
/** Bit n: segment n, a parameter, is not empty. */
export const SHAPE_FILLED: u32 = 12;
/** The shape's records are PATHS from here up to SHAPE_END_PATH. */
export const SHAPE_FIRST_PATH: u32 = 16;
export const SHAPE_END_PATH: u32 = 20;
/**
 * 64 bits, by the upper 6 bits of the hash that a record's literal segments before its first
 * parameter have: none of the shape's records begins like a path whose bit is 0.
 */
export const SHAPE_LEADS: u32 = 24;
export const SHAPE_SIZE: u32 = 32;
export const SHAPE_SEGMENTS_MAX: u32 = 32;
/** Nothing follows the segments. */
export const TAIL_NONE: u32 = 0;
/** Nothing, or a slash and anything. */
export const TAIL_ANY: u32 = 1;
/** A slash and anything. */
export const TAIL_SLASH: u32 = 2;
/** A slash and at least one byte. */
export const TAIL_MORE: u32 = 3;
export const TAIL_LINES: u32 = 256;

// AUTOMATA: where in AUTOMATON_WORDS one stands, in words (layout: filters/core/automaton.ts).
export const AUTOMATON_OFF: u32 = 0;
export const AUTOMATON_LEN: u32 = 4;
/** Number of patterns. */
export const AUTOMATON_PATTERNS: u32 = 8;
export const AUTOMATON_SIZE: u32 = 12;

// --- Request slots: what the core may ask an adapter for ---
export const SLOT_AUTHORITY: u32 = 0;
/** The request target with its query, as received. */
export const SLOT_PATH: u32 = 1;
export const SLOT_METHOD: u32 = 2;
export const SLOT_HEADERS: u32 = 3;
/** The length of a value that the request does not have. */
export const ABSENT: u32 = 0xffffffff;

// --- Methods (Gateway API HTTPMethod) ---
export const METHOD_ANY: u32 = 0;
export const METHOD_GET: u32 = 1;
export const METHOD_HEAD: u32 = 2;
export const METHOD_POST: u32 = 3;
export const METHOD_PUT: u32 = 4;
export const METHOD_DELETE: u32 = 5;
export const METHOD_CONNECT: u32 = 6;
export const METHOD_OPTIONS: u32 = 7;
export const METHOD_TRACE: u32 = 8;
export const METHOD_PATCH: u32 = 9;
/** A method no match can name. */
export const METHOD_OTHER: u32 = 10;

// --- The verdict: u32 words the core leaves for the adapter ---
export const VERDICT_KIND: u32 = 0;
export const VERDICT_STATUS: u32 = 4;
/** MATCHES index or NONE; likewise the next three. */
export const VERDICT_MATCH: u32 = 8;
export const VERDICT_RULE: u32 = 12;
export const VERDICT_BACKEND: u32 = 16;
export const VERDICT_CLUSTER: u32 = 20;
/** Of a forwarded request: EDIT_LISTS index, 0 for none. */
export const VERDICT_EDITS: u32 = 24;
/** Of a forwarded request: ROUTE_POLICIES index, 0 for none. */
export const VERDICT_POLICY: u32 = 28;
/** Address and length of a redirect's Location, or of a forwarded request's new target. */
export const VERDICT_TEXT_PTR: u32 = 32;
export const VERDICT_TEXT_LEN: u32 = 36;
/** Address and length of a forwarded request's new host name; length 0: it stays. */
export const VERDICT_HOST_PTR: u32 = 40;
export const VERDICT_HOST_LEN: u32 = 44;
export const VERDICT_SIZE: u32 = 48;

/** No rule matches: answer VERDICT_STATUS (404). */
export const VERDICT_NO_MATCH: i32 = 0;
/** Forward to VERDICT_CLUSTER after the edits and rewrites. */
export const VERDICT_FORWARD: i32 = 1;
/** Answer VERDICT_STATUS: the rule or the picked backend is invalid. */
export const VERDICT_RESPOND: i32 = 2;
/** Answer VERDICT_STATUS with the Location in VERDICT_TEXT. */
export const VERDICT_REDIRECT: i32 = 3;
/** The request is none of the table's: the host's own routes may take it. */
export const VERDICT_LEAVE: i32 = 4;

// --- Why a table is refused ---
export const LOAD_OK: u32 = 0;
export const LOAD_TOO_SHORT: u32 = 1;
export const LOAD_BAD_MAGIC: u32 = 2;
export const LOAD_BAD_VERSION: u32 = 3;
export const LOAD_BAD_LENGTH: u32 = 4;
export const LOAD_BAD_CHECKSUM: u32 = 5;
export const LOAD_BAD_SECTION: u32 = 6;
export const LOAD_BAD_REFERENCE: u32 = 7;
export const LOAD_BAD_HASH_TABLE: u32 = 8;
export const LOAD_BAD_STATE: u32 = 9;
export const LOAD_BAD_AUTOMATON: u32 = 10;
