// `node --import usage.ts …`: on its way out the process writes what it used to descriptor 3.

import { writeSync } from "node:fs";

process.on("exit", () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  writeSync(3, JSON.stringify({ cpuUs: userCPUTime + systemCPUTime, rssKib: maxRSS }));
});
