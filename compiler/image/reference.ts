// `registry/repository:tag`: where an image goes. The grammar is the distribution specification's;
// names without a registry, which tools complete in different ways, are refused.

export interface ImageReference {
  /** Host and, where given, port. */
  readonly registry: string;
  readonly repository: string;
  /** `latest` where none is given. */
  readonly tag: string;
}

const partGrammar = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const repositoryGrammar = new RegExp(`^${partGrammar}(?:/${partGrammar})*$`);
const tagGrammar = /^\w[\w.-]{0,127}$/;
const registryGrammar = /^(?:\[[0-9a-fA-F:]+\]|[a-zA-Z0-9.-]+)(?::\d{1,5})?$/;

export type ReadReference =
  | { readonly ok: true; readonly reference: ImageReference }
  /** One line on what is wrong. */
  | { readonly ok: false; readonly problem: string };

export function readReference(text: string): ReadReference {
  const plain = text.replace(/^oci:\/\//, "");
  const wrong = (problem: string): ReadReference =>
    ({ ok: false, problem: `\`${text}\` ${problem}` });
  if (plain.includes("@")) return wrong("has a digest; an image's digest is known once it is made");
  const slash = plain.indexOf("/");
  const registry = plain.slice(0, slash);
  const isHost = /[.:]/.test(registry) || registry === "localhost";
  if (slash < 0 || !isHost || !registryGrammar.test(registry)) {
    return wrong("names no registry; write `registry.example.com/path/name:tag`");
  }
  const rest = plain.slice(slash + 1);
  const colon = rest.indexOf(":");
  const repository = colon < 0 ? rest : rest.slice(0, colon);
  const tag = colon < 0 ? "latest" : rest.slice(colon + 1);
  if (!repositoryGrammar.test(repository)) {
    return wrong(`has \`${repository}\` for a repository; lower case letters, digits, . _ - and /`
      + " can be in it");
  }
  if (!tagGrammar.test(tag)) return wrong(`has \`${tag}\` for a tag, which no registry takes`);
  return { ok: true, reference: { registry, repository, tag } };
}
