/**
 * Manifests and statuses as `JSON.parse` gives them: their shape is what these tests are about, so
 * it is not declared a second time here.
 */
export type Json = ReturnType<typeof JSON.parse>;
