// The Gateway and the Service of workloads that differ in their routes alone.

export const namespace = "bench";

export const gateway = {
  apiVersion: "gateway.networking.k8s.io/v1",
  kind: "Gateway",
  metadata: { name: "bench", namespace },
  spec: {
    gatewayClassName: "fairlead",
    listeners: [{ name: "http", protocol: "HTTP", port: 80 }],
  },
};

export const service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "upstream", namespace },
  spec: { ports: [{ name: "http", port: 80 }] },
};
