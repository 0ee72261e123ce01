// The one table of diagnostic codes. A code never changes its meaning and is never used again for
// another one. `about` is the long text, for documentation and `fairlead explain-code`.
//
//   FL00xx  files and the command's input       FL04xx  what a target carries out
//   FL01xx  YAML and schema                     FL05xx  Gateways and listeners
//   FL02xx  references between resources        FL06xx  traffic policy (DestinationRule)
//   FL03xx  precedence between routes

/** An error stops a build; a warning and a note do not. */
export type Level = "error" | "warning" | "note";

export interface CodeInfo {
  readonly level: Level;
  readonly about: string;
}

const error = (about: string): CodeInfo => ({ level: "error", about });
const warning = (about: string): CodeInfo => ({ level: "warning", about });
const note = (about: string): CodeInfo => ({ level: "note", about });

const table = {
  FL0001: error("A file or folder named on the command line cannot be read."),
  FL0002: error("The input holds no Gateway, so there is nothing to serve."),
  FL0101: error("The text is not YAML. Other documents of the same file are still checked."),
  FL0102: error(
    "The document is not a Kubernetes resource: apiVersion, kind or metadata.name is missing."),
  FL0103: error("The resource has a field that its published schema does not know."),
  FL0104: error("A value has another type than the published schema asks for."),
  FL0105: error("A field that the published schema requires is missing."),
  FL0106: error("A value breaks a limit, pattern or enumeration of the published schema."),
  FL0107: error("A validation rule (CEL) of the published schema refuses the resource."),
  FL0108: error("Two documents define the same resource."),
  FL0109: error("The API version is not one that the published schemas serve for this kind."),
  FL0110: note("Documents of kinds that take no part in routing were left out."),
  FL0111: note(
    "Resources that fairlead itself put into a cluster, known by their label, were left out."),
  FL0201: error("A parentRef names a Gateway, ListenerSet or Service that is not in the input."),
  FL0202: error("A parentRef's sectionName or port matches no listener of its parent."),
  FL0203: error("No listener of the parent admits the route: namespace, kind or hostname."),
  FL0204: error("A backendRef names a Service, or a host, that is not in the input."),
  FL0205: error("A backendRef crosses namespaces and no ReferenceGrant permits it."),
  FL0206: error("A backendRef names a group or kind that cannot be routed to."),
  FL0207: error("A backendRef names a port that the Service does not have."),
  FL0208: error(
    "A reference to another resource (certificate, policy target, parameters) cannot be "
    + "resolved."),
  FL0209: warning(
    "A parentRef names a kind that is neither a Gateway nor a ListenerSet nor a Service."),
  FL0210: error(
    "A filter names an extension that is not known; the spec has such requests answered with "
    + "an error."),
  FL0211: error("A rule combines filters that contradict one another; the rule is left out."),
  FL0212: warning(
    "A route has hostnames and a Service for a parent, which takes requests whatever their host."),
  FL0213: error("A Service that is a parent has no cluster IP: nothing tells its requests apart."),
  FL0301: warning("A match can never be chosen: another one takes all of its requests first."),
  FL0302: warning(
    "A route's hostname belongs to a more specific listener of the port, which the route is "
    + "not attached to."),
  FL0303: error(
    "An HTTPRoute and a GRPCRoute share a hostname of a listener; the older one gets it, or the "
    + "first by name."),
  FL0401: warning(
    "A field is not carried out on a target yet; that target behaves as if it were absent."),
  FL0402: error(
    "A field cannot be carried out at all, and leaving it out would misroute requests."),
  FL0403: note("Several Gateways use the same port, so each gets an Envoy bootstrap of its own."),
  FL0404: error("A regular expression is not RE2, or too large for the table's automata."),
  FL0405: error("An annotation of fairlead's own has a value that cannot be read."),
  FL0406: note("The Envoy bootstrap names certificates and private keys as files to be provided."),
  FL0407: warning(
    "A target's platform cannot do what is asked for; what becomes of requests there is said with "
    + "it."),
  FL0408: error(
    "Envoy's own routes (`--routing native`) cannot carry out a rule as the specification "
    + "means it."),
  FL0409: note(
    "What Envoy's own routes (`--routing native`) do otherwise than the filter, within the "
    + "specification."),
  FL0410: error("A table in a plugin's configuration is larger than a Kubernetes object may be."),
  FL0411: note("A table in a plugin's configuration is too large for client-side `kubectl apply`."),
  FL0412: error("`--istio-version` names a release that no manifests are written for."),
  FL0413: error(
    "Which pods a Gateway of Istio's runs on, or their ports, cannot be told from the input; Istio "
    + "ignores a plugin for a port that there is not."),
  FL0414: error("`--hostname` names a hostname that no route of the input serves."),
  FL0415: note("A Gateway's class is not known to be one that Istio runs."),
  FL0416: warning(
    "Istio's cluster for a backend is another than the routes ask for, or there is none."),
  FL0417: note("Which hostnames the filter answers for in place of Istio's own routes."),
  FL0418: warning(
    "A listener does not admit the HTTPRoute that gives it virtual hosts under Istio."),
  FL0419: note("The manifests for Istio name an image that still has to be pushed."),
  FL0420: note("The namespaces whose workloads meet the routes of the mesh under Istio."),
  FL0421: note("The manifests for Istio name the image by the digest that `push` gives it."),
  FL0422: error("An EnvoyFilter for Istio is larger than a Kubernetes object may be."),
  FL0423: warning(
    "Envoy Gateway runs the filter before its own authorization and rate limits, which then do not "
    + "hold for what the filter carries."),
  FL0501: error("Two listeners of one Gateway conflict."),
  FL0502: error("A listener's protocol or its allowed route kinds are not supported."),
  FL0503: error("A Gateway does not allow a ListenerSet to attach."),
  FL0504: error("A Gateway asks for an address that cannot be served."),
  FL0601: warning("A DestinationRule applies to no Service of the input."),
  FL0602: warning(
    "Two DestinationRules set the same field for one host; the first by age and name counts."),
  FL0603: warning(
    "Two BackendTLSPolicies govern one target; the older one, or the first by name, counts."),
  FL0604: warning(
    "A field of a DestinationRule has no effect where it stands, on any target and in Istio."),
  FL0605: warning(
    "A DestinationRule and a BackendTLSPolicy both say how a backend is spoken to by TLS; the "
    + "DestinationRule counts, as in Istio."),
  FL0606: note(
    "A DestinationRule brings a client certificate of its own in place of the Gateway's."),
  FL0607: note(
    "An outlier detection ejects nobody: one endpoint is more than maxEjectionPercent of them."),
  FL0608: error(
    "A Service's `fairlead.dev/subset` names a host or a subset that is not there."),
  FL0609: warning("A subset's labels select none of the endpoints that the input has."),
  FL0610: warning("A ServiceEntry gives a Gateway nothing to dial, or hides from it."),
  FL0611: note(
    "Settings by locality count for Istio only, unless `--locality` says where the Gateway is."),
  FL0612: warning("Istio's admission refuses a DestinationRule that its schema allows."),
} as const satisfies Record<string, CodeInfo>;

export type Code = keyof typeof table;

export const codes: Record<Code, CodeInfo> = table;
