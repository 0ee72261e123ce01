// Recorded rows → SVG: cost against the number of routes, a line for each variant.

import * as Plot from "@observablehq/plot";
import domino from "domino";

import type { Row } from "./report.ts";

export interface Chart {
  readonly title: string;
  /** Of the x axis. */
  readonly count: string;
  /** Of the y axis, with its unit. */
  readonly cost: string;
  readonly lines: readonly Line[];
  readonly y: "linear" | "log";
}

export interface Line {
  readonly name: string;
  readonly points: readonly { readonly count: number; readonly cost: number }[];
}

const width = 760;
const height = 440;

export function draw(chart: Chart): string {
  const points = chart.lines.flatMap(({ name, points: own }) =>
    own.map((point) => ({ ...point, name })));
  const ends = chart.lines.flatMap(({ name, points: own }) => {
    const last = own.at(-1);
    return last === undefined ? [] : [{ ...last, name }];
  });
  const counts = [...new Set(points.map(({ count }) => count))].sort((a, b) => a - b);
  const svg = Plot.plot({
    document: domino.createDocument("<!doctype html>"),
    className: "plot",
    style: { background: "white", color: "#222", fontSize: "13px" },
    width, height, marginLeft: 62, marginRight: 130, marginBottom: 46, marginTop: 34,
    ariaLabel: chart.title,
    x: {
      type: "log", label: chart.count, ticks: counts, domain: [counts[0] ?? 1, counts.at(-1) ?? 10],
      tickFormat: (count: number) => count.toLocaleString("en-US"),
    },
    y: {
      type: chart.y, label: chart.cost, grid: true, zero: chart.y === "linear", nice: true,
      ticks: 6, tickFormat: (cost: number) => cost.toLocaleString("en-US"),
    },
    color: { domain: chart.lines.map(({ name }) => name), scheme: "Observable10" },
    marks: [
      Plot.line(points, { x: "count", y: "cost", stroke: "name", strokeWidth: 2 }),
      Plot.dot(points, { x: "count", y: "cost", fill: "name", r: 3.5 }),
      Plot.text(apart(ends, points.map(({ cost }) => cost), chart.y), {
        x: "count", y: "cost", text: "name", fill: "name", dx: 10, textAnchor: "start",
      }),
    ],
  });
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return `${svg.outerHTML}\n`;
}

interface End {
  readonly count: number;
  readonly cost: number;
  readonly name: string;
}

/** Labels of lines that end close to each other, moved up until they can be read. */
function apart(
  ends: readonly End[], costs: readonly number[], scale: Chart["y"],
): readonly End[] {
  const sorted = [...ends].sort((a, b) => a.cost - b.cost);
  const highest = Math.max(...costs);
  const factor = (highest / Math.min(...costs)) ** 0.055;
  const moved: End[] = [];
  for (const end of sorted) {
    const below = moved.at(-1)?.cost ?? 0;
    const least = scale === "log" ? below * factor : below + highest * 0.045;
    moved.push(moved.length === 0 || end.cost >= least ? end : { ...end, cost: least });
  }
  return moved;
}

/** One line for each variant, in the rows' own order. */
export function linesOf(
  rows: readonly Row[], costOf: (row: Row) => number,
): readonly Line[] {
  const names = [...new Set(rows.map(({ variant }) => variant))];
  return names.map((name) => ({
    name,
    points: rows.filter(({ variant }) => variant === name)
      .map((row) => ({ count: row.routes, cost: costOf(row) }))
      .sort((a, b) => a.count - b.count),
  }));
}
