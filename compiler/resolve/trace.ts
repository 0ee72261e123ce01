// What a part of resolving looked up, so that its outcome can be taken over as long as each of its
// questions still has the same answer.

import type { Diagnostic } from "../diagnostic.ts";
import { sameItems } from "../memo.ts";
import type { Inventory, ObjectKey } from "../resources.ts";
import { keyText, type Lookup, type Referent, type Referrer } from "./lookup.ts";
import type { Names } from "./nearest.ts";
import { newReport, type Report } from "./report.ts";

type Question<Answer> = (look: Lookup) => Answer;
type Same<Answer> = (a: Answer, b: Answer) => boolean;

/** Whether a question still has the answer that it had. */
type Check = (look: Lookup) => boolean;

/** The outcome of something, and what that depends on. */
export interface Traced<Value> {
  readonly value: Value;
  readonly diagnostics: readonly Diagnostic[];
  readonly checks: readonly Check[];
}

// Checks outlive the lookup that answered first. Whatever makes one stands out here, where it
// cannot hold on to that lookup and to all that was in it.

function checkOf<Answer>(ask: Question<Answer>, answer: Answer, same: Same<Answer>): Check {
  return (look) => same(answer, ask(look));
}

const ask = {
  list: <Name extends keyof Inventory>(name: Name): Question<Inventory[Name]> =>
    (look) => look.inventory[name],
  service: (key: ObjectKey): Question<ReturnType<Lookup["service"]>> =>
    (look) => look.service(key),
  secret: (key: ObjectKey): Question<ReturnType<Lookup["secret"]>> => (look) => look.secret(key),
  configMap: (key: ObjectKey): Question<ReturnType<Lookup["configMap"]>> =>
    (look) => look.configMap(key),
  gatewayClass: (name: string): Question<ReturnType<Lookup["gatewayClass"]>> =>
    (look) => look.gatewayClass(name),
  gatewayNames: (look: Lookup): Names => look.gatewayNames(),
  serviceNames: (namespace: string): Question<Names> => (look) => look.serviceNames(namespace),
  secretNames: (namespace: string): Question<Names> => (look) => look.secretNames(namespace),
  entries: (namespace: string, host: string): Question<ReturnType<Lookup["entries"]>> =>
    (look) => look.entries(namespace, host),
  entryHosts: (namespace: string): Question<readonly string[]> =>
    (look) => look.entryHosts(namespace),
  isGranted: (from: Referrer, to: Referent): Question<boolean> =>
    (look) => look.isGranted(from, to),
  namespaceLabels: (namespace: string): Question<Readonly<Record<string, string>>> =>
    (look) => look.namespaceLabels(namespace),
  isBroken: (kind: string, key: ObjectKey): Question<boolean> =>
    (look) => look.isBroken(kind, key),
  anyBroken: (kind: string, namespace: string): Question<boolean> =>
    (look) => look.anyBroken(kind, namespace),
};

function sameFields(
  a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>,
): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

function sameNames(a: Names, b: Names): boolean {
  return sameItems(a.all, b.all);
}

function sameList<Name extends keyof Inventory>(a: Inventory[Name], b: Inventory[Name]): boolean {
  return Array.isArray(a) && Array.isArray(b) ? sameItems<unknown>(a, b) : a === b;
}

/** Answers as `look` does, and notes each question once. */
function tracing(look: Lookup): { readonly look: Lookup; readonly checks: readonly Check[] } {
  const asked = new Map<string, unknown>();
  const checks: Check[] = [];
  const note = <Answer>(
    text: string, question: Question<Answer>, same: Same<Answer> = Object.is,
  ): Answer => {
    // A question's text stands for one type of answer.
    if (asked.has(text)) return asked.get(text) as Answer;
    const answer = question(look);
    asked.set(text, answer);
    checks.push(checkOf(question, answer, same));
    return answer;
  };
  return {
    checks,
    look: {
      get inventory() {
        return new Proxy(look.inventory, {
          get: (_, name) =>
            note(`list ${String(name)}`, ask.list(name as keyof Inventory), sameList),
        });
      },
      service: (key) => note(`service ${keyText(key)}`, ask.service(key)),
      secret: (key) => note(`secret ${keyText(key)}`, ask.secret(key)),
      configMap: (key) => note(`configMap ${keyText(key)}`, ask.configMap(key)),
      gatewayClass: (name) => note(`class ${name}`, ask.gatewayClass(name)),
      serviceNames: (namespace) =>
        note(`services ${namespace}`, ask.serviceNames(namespace), sameNames),
      secretNames: (namespace) =>
        note(`secrets ${namespace}`, ask.secretNames(namespace), sameNames),
      gatewayNames: () => note("gateways", ask.gatewayNames, sameNames),
      entries: (namespace, host) =>
        note(`entries ${namespace}/${host}`, ask.entries(namespace, host), sameItems),
      entryHosts: (namespace) =>
        note(`hosts ${namespace}`, ask.entryHosts(namespace), sameItems),
      isGranted: (from, to) => note(
        `grant ${from.group}/${from.kind}/${from.namespace} ${to.group}/${to.kind}/${keyText(to)}`,
        ask.isGranted(from, to)),
      namespaceLabels: (namespace) =>
        note(`labels ${namespace}`, ask.namespaceLabels(namespace), sameFields),
      isBroken: (kind, key) => note(`broken ${kind}/${keyText(key)}`, ask.isBroken(kind, key)),
      anyBroken: (kind, namespace) =>
        note(`broken in ${kind}/${namespace}`, ask.anyBroken(kind, namespace)),
    },
  };
}

/** The last outcome where nothing it depends on has changed, else a new one. */
export function traced<Value>(
  look: Lookup, last: Traced<Value> | undefined, make: (look: Lookup, report: Report) => Value,
): Traced<Value> {
  if (last?.checks.every((check) => check(look))) return last;
  const report = newReport();
  const { look: asking, checks } = tracing(look);
  const value = make(asking, report);
  return { value, diagnostics: report.diagnostics, checks };
}
