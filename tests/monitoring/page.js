// page.js: draws the panels in the page's data: lines and axes as SVG, numbers and tables as HTML; then measures what came of it,
// for the test that judges the page. It asks nobody and computes nothing but how things look. What has no data says "No data".
"use strict";

const PALETTE = ["#7eb26d", "#eab839", "#6ed0e0", "#ef843c", "#e24d42", "#1f78c1", "#ba43a9", "#705da0", "#508642", "#cca300",
    "#447ebc", "#c15c17", "#890f02", "#0a437c", "#6d1f62", "#584477", "#b7dbab", "#f4d598", "#70dbed", "#f9ba8f"];
const COLORS = { green: "#37872d", yellow: "#b58a00", orange: "#d9650b", red: "#c4162a", blue: "#1f60c4" };
const INK = "#ccccdc";

// -- numbers as Grafana writes them

const COUNTS = [[1, ""], [1e3, "K"], [1e6, "M"], [1e9, "B"], [1e12, "T"]];
const counted = what => COUNTS.map(([size, name]) => [size, name + " " + what]);
const UNITS = {
    none: [[1, ""]],
    percentunit: [[0.01, "%"]],
    s: [[1e-9, " ns"], [1e-6, " µs"], [1e-3, " ms"], [1, " s"], [60, " min"], [3600, " hour"], [86400, " day"]],
    bytes: [[1, " B"], [1024, " KiB"], [1024 ** 2, " MiB"], [1024 ** 3, " GiB"], [1024 ** 4, " TiB"]],
    Bps: [[1, " B/s"], [1e3, " kB/s"], [1e6, " MB/s"], [1e9, " GB/s"], [1e12, " TB/s"]],
    reqps: counted("req/s"), ops: counted("ops/s"), rowsps: counted("rows/s"),
};

// Three digits that tell something, whole numbers without a point.
function decimalsOf(number) {
    return number % 1 === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(number))));
}

function format(value, unit, decimals) {
    if (value === null || value === undefined) return "–";
    const scales = UNITS[unit];
    if (!scales) throw new Error("a unit that the page cannot write: " + unit);
    let [size, name] = unit === "s" && value === 0 ? [1, " s"] : scales[0];
    for (const [larger, its] of scales) if (value !== 0 && Math.abs(value) >= larger) [size, name] = [larger, its];
    // 0.29 / 0.01 is not quite 29.
    const number = Number((value / size).toPrecision(12));
    return number.toFixed(decimals ?? decimalsOf(number)) + name;
}

// Axes need no zeros that tell nothing.
const short = text => text.replace(/(\.[0-9]*?)0+(?![0-9.])/, "$1").replace(/\.(?![0-9])/, "");

function mapped(panel, value) {
    for (const one of panel.mappings) if (String(value) in one) return one[String(value)].text;
    return format(value, panel.unit, panel.decimals);
}

function colorOf(limits, value) {
    let found = limits[0].color;
    for (const limit of limits) if (limit.value === null || value >= limit.value) found = limit.color;
    return COLORS[found];
}

// -- elements

function put(parent, name, attributes = {}, text = null) {
    const drawn = ["svg", "g", "rect", "line", "path", "text"].includes(name);
    const made = drawn ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== null) made.textContent = text;
    parent.append(made);
    return made;
}

const round = number => Math.round(number * 100) / 100;
const finite = series => series.points.filter(([, value]) => value !== null);
const last = series => finite(series).at(-1)?.[1] ?? null;

// -- lines over time

// Steps of 1, 2 and 5 (of bytes: powers of 2) so that there are about as many as wanted.
function stepOf(span, wanted, base) {
    if (base === 2) return 2 ** Math.ceil(Math.log2(span / wanted));
    const rough = span / wanted, power = 10 ** Math.floor(Math.log10(rough));
    return [1, 2, 5, 10].map(factor => factor * power).find(step => step >= rough * 0.999);
}

function axis(panel, curves, wanted) {
    const values = curves.flatMap(curve => curve.map(([, , top]) => top)).filter(value => value !== null);
    const low = panel.min ?? Math.min(...values);
    let high = panel.max ?? Math.max(...values, panel.softMax ?? -Infinity);
    if (!(high > low)) high = low + 1;
    const step = stepOf(high - low, wanted, panel.unit === "bytes" ? 2 : 10);
    const first = Math.floor(low / step + 1e-9), end = Math.ceil(high / step - 1e-9);
    const ticks = Array.from({ length: end - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
    return { low: ticks[0], high: ticks.at(-1), ticks };
}

// Every series as [time, bottom, top]: areas upon each other when they are stacked. A hole in the data stays one.
function curvesOf(panel, step) {
    const ground = new Map();
    return panel.series.map(series => {
        const curve = [];
        let before = null;
        for (const [time, value] of series.points) {
            if (before !== null && time - before > 1.5 * step) curve.push([time - step, 0, null]);
            before = time;
            const bottom = panel.stack ? ground.get(time) ?? 0 : 0;
            curve.push([time, bottom, value === null ? null : bottom + value]);
            if (panel.stack && value !== null) ground.set(time, bottom + value);
        }
        return curve;
    });
}

function pieces(curve) {
    const found = [[]];
    for (const point of curve) {
        if (point[2] === null) found.push([]);
        else found.at(-1).push(point);
    }
    return found.filter(piece => piece.length);
}

function timeTicks(from, to) {
    const step = [5, 10, 15, 30, 60, 120, 300].find(one => (to - from) / one <= 5) ?? 600;
    const found = [];
    for (let time = Math.ceil(from / step) * step; time <= to; time += step) found.push(time);
    return found;
}

function drawLines(section, panel, all) {
    const shown = legendRows(panel), under = 1 + shown.length + (shown.length < panel.series.length);
    const height = panel.box.height - 38 - 15 * under;
    const width = panel.box.width - 18, left = 66, right = width - 10, top = 7, bottom = height - 20;
    const svg = put(section, "svg", { width, height });
    const curves = curvesOf(panel, all.step);
    const { low, high, ticks } = axis(panel, curves, Math.max(2, Math.floor((bottom - top) / 32)));
    const x = time => round(left + (time - all.from) / (all.to - all.from) * (right - left));
    const y = value => round(bottom - (value - low) / (high - low) * (bottom - top));

    put(svg, "rect", { class: "plot", x: left, y: top, width: right - left, height: bottom - top, fill: "none",
        "data-measure": "" });
    for (const value of ticks) {
        put(svg, "line", { class: "grid", x1: left, x2: right, y1: y(value), y2: y(value) });
        put(svg, "text", { class: "value-tick", x: left - 6, y: y(value), "text-anchor": "end", "dominant-baseline": "central" },
            short(format(value, panel.unit, null)));
    }
    for (const time of timeTicks(all.from, all.to)) {
        put(svg, "line", { class: "grid", x1: x(time), x2: x(time), y1: top, y2: bottom });
        const anchor = x(time) > right - 22 ? "end" : "middle";
        put(svg, "text", { class: "time-tick", x: anchor === "end" ? right : x(time), y: height - 6, "text-anchor": anchor },
            new Date(time * 1000).toISOString().slice(11, 19));
    }
    const along = piece => piece.map(([time, , value]) => [time, value]);
    curves.forEach((curve, index) => {
        const color = lineColor(panel, index), whole = pieces(curve);
        const path = points => points.map(([time, value], at) => `${at ? "L" : "M"}${x(time)} ${y(value)}`).join("");
        for (const piece of whole) {
            const around = [...along(piece), ...piece.map(([time, bottom]) => [time, bottom]).reverse()];
            put(svg, "path", { class: "area", d: path(around) + "Z", fill: color, "fill-opacity": panel.fill });
        }
        put(svg, "path", { class: "line", stroke: color, "data-series": panel.series[index].name,
            // A point alone is a line to itself: a dot.
            d: whole.map(piece => path(along(piece.length > 1 ? piece : [...piece, ...piece]))).join("") });
    });
    drawLimits(section, svg, panel, { left, right, low, high, y });
    drawLegend(section, panel, shown);
}

// As in Grafana a limit by itself does not stretch the axis; one that is above it is named beside the title.
function drawLimits(section, svg, panel, { left, right, low, high, y }) {
    const above = [];
    for (const { value, color } of panel.dashed) {
        if (value > high) above.push(short(format(value, panel.unit, null)));
        else if (value >= low) {
            put(svg, "line", { class: "limit", x1: left, x2: right, y1: y(value), y2: y(value), stroke: COLORS[color],
                "data-limit": value });
        }
    }
    if (above.length) put(section, "span", { class: "aside limit-above" }, "limit above: " + above.join(", "));
}

function lineColor(panel, index) {
    const own = panel.colors[panel.series[index].name];
    return own ? COLORS[own] : PALETTE[index % PALETTE.length];
}

// At most as many as leave most of the panel to the lines.
function legendRows(panel) {
    const room = Math.max(2, Math.floor((panel.box.height - 38) * 0.45 / 15) - 1);
    return panel.series.length <= room ? panel.series : panel.series.slice(0, room - 1);
}

function drawLegend(section, panel, shown) {
    const table = put(section, "table", { class: "legend" }), head = put(table, "tr");
    put(head, "th", {}, "Name");
    for (const word of ["Last *", "Max"]) put(head, "th", { class: "number" }, word);
    shown.forEach((series, index) => {
        const row = put(table, "tr", { "data-series": series.name }), name = put(row, "td", { class: "name" });
        put(name, "i", { style: `background: ${lineColor(panel, index)}` });
        name.append(series.name);
        const values = finite(series).map(([, value]) => value);
        put(row, "td", { class: "number last" }, format(last(series), panel.unit, panel.decimals));
        put(row, "td", { class: "number most" }, format(values.length ? Math.max(...values) : null, panel.unit, panel.decimals));
    });
    more(table, panel.series.length - shown.length, 3);
}

function more(table, count, columns) {
    if (count > 0) put(put(table, "tr", { class: "more" }), "td", { colspan: columns }, `and ${count} more`);
}

// -- numbers that stand alone

function drawStats(section, panel, all) {
    const stats = put(section, "div", { class: "stats" });
    const width = (panel.box.width - 18 - 4 * (panel.series.length - 1)) / panel.series.length;
    const long = panel.series.some(series => mapped(panel, last(series)).length * 20 > width);
    for (const series of panel.series) {
        const value = last(series), color = colorOf(panel.limits, value);
        const stat = put(stats, "div", { class: "stat", style: `background: ${color}`, "data-series": series.name,
            "data-ink": color, "data-measure": "" });
        drawSpark(stat, series, all, width, (panel.box.height - 38) * 0.4);
        if (panel.series.length > 1) put(stat, "span", { class: "name" }, series.name);
        put(stat, "span", { class: long ? "value long" : "value" }, mapped(panel, value));
    }
}

function drawSpark(stat, series, all, width, height) {
    const points = finite(series), values = points.map(([, value]) => value);
    const low = Math.min(...values), span = Math.max(...values) - low || 1;
    const svg = put(stat, "svg", { width: round(width), height: round(height) });
    const x = time => round((time - all.from) / (all.to - all.from) * width);
    const y = value => round(height - 2 - (value - low) / span * (height - 4));
    const path = points.map(([time, value], index) => `${index ? "L" : "M"}${x(time)} ${y(value)}`).join("");
    put(svg, "path", { d: path, fill: "none", stroke: "#fff", "stroke-opacity": 0.35, "stroke-width": 1.5 });
}

// -- tables

function drawTable(section, panel) {
    const table = put(section, "table", { class: "rows", "data-ink": INK, "data-measure": "" }), head = put(table, "tr");
    for (const column of panel.columns) put(head, "th", column.unit ? { class: "number" } : {}, column.name);
    const room = Math.floor((panel.box.height - 34) / 20.5) - 1;
    const shown = panel.rows.length <= room ? panel.rows : panel.rows.slice(0, room - 1);
    for (const row of shown) {
        const made = put(table, "tr", { class: "entry" });
        panel.columns.forEach(({ unit }, index) =>
            put(made, "td", unit ? { class: "number" } : {}, unit ? format(row[index], unit, null) : row[index]));
    }
    more(table, panel.rows.length - shown.length, panel.columns.length);
}

// -- the page

function drawPanel(panel, all) {
    const { left, top, width, height } = panel.box, kind = panel.type === "row" ? "row" : "panel";
    const section = put(document.body, "section", { class: kind, "data-panel": panel.id, "data-measure": "",
        style: `left: ${left}px; top: ${top}px; width: ${width}px; height: ${height}px` });
    put(section, "h2", {}, panel.title);
    if (panel.type === "row") return;
    const full = panel.type === "table" ? panel.rows.length : panel.series.some(series => finite(series).length);
    if (!full) put(section, "p", { class: "empty" }, "No data");
    else ({ timeseries: drawLines, stat: drawStats, table: drawTable })[panel.type](section, panel, all);
}

function box(element) {
    const { left, top, width, height } = element.getBoundingClientRect();
    return [left + scrollX, top + scrollY, width, height].map(round).join(" ");
}

// What a reader of the page cannot know otherwise: where the browser put things, and what does not fit into its panel.
function measure() {
    for (const element of document.querySelectorAll("[data-measure]")) element.setAttribute("data-box", box(element));
    for (const section of document.querySelectorAll("section")) {
        const whole = section.getBoundingClientRect();
        const outside = [...section.querySelectorAll("h2, td, th, span, text")].filter(one => {
            const its = one.getBoundingClientRect();
            return its.left < whole.left - 1 || its.right > whole.right + 1 ||
                its.top < whole.top - 1 || its.bottom > whole.bottom + 1;
        });
        if (outside.length) section.setAttribute("data-outside", outside.map(one => one.textContent).join("; "));
    }
}

window.addEventListener("error", event => document.body.setAttribute("data-error", event.message));
const all = JSON.parse(document.getElementById("data").textContent);
for (const panel of all.panels) drawPanel(panel, all);
measure();
document.body.setAttribute("data-drawn", all.panels.length);
