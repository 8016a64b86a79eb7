/** The figures as a picture: how many times as fast as OpenSSH each client is, row by row, on a logarithmic scale. */
import { type Client, type Measured, ratiosOf } from './report.ts';
import type { Row } from './rows.ts';
import { type Spread, spreadOf } from './statistics.ts';

interface Plotted {
  readonly measured: Measured;
  readonly clients: readonly Client[];
  readonly rows: readonly Row[];
}

const COLOURS: Readonly<Record<string, string>> = {
  rxssh: '#d6006e',
  'ssh2-addon': '#1f77b4',
  ssh2: '#7f9fbf',
};

const LEFT = 270;
const WIDTH = 900;
const RIGHT = 30;
const TOP = 70;
const LINE = 14;
const GAP = 12;

/** An SVG picture that reads on a light and on a dark page. */
export function plot({ measured, clients, rows }: Plotted): string {
  const others = clients.filter(({ name }) => name in COLOURS);
  const lines = rows.map((row) => ({
    row,
    dots: others.flatMap((client) => {
      const ratios = ratiosOf({ measured }, row, client.name, 'openssh', row.value, true);
      return ratios === undefined || ratios.length === 0
        ? []
        : [{ client, spread: spreadOf(ratios) }];
    }),
  }));
  const all = lines.flatMap(({ dots }) => dots.flatMap(({ spread }) => [spread.min, spread.max]));
  const x = scaleOf(Math.min(0.5, ...all), Math.max(2, ...all));
  const rowHeight = others.length * LINE + GAP;
  const height = TOP + rows.length * rowHeight + 30;
  const body = lines.map(({ row, dots }, index) => {
    const top = TOP + index * rowHeight;
    const label = text(LEFT - 12, top + rowHeight / 2, plain(row.title), 'end');
    const drawn = dots.map(({ client, spread }, at) =>
      dot(x, spread, top + GAP / 2 + LINE * (at + 0.5), COLOURS[client.name] ?? '', client.title),
    );
    const rule = `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${top}" y2="${top}" class="rule"/>`;
    return [rule, label, ...drawn].join('\n');
  });
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="12">`,
    '<style>text { fill: #666 } .rule { stroke: #8884 } .tick { stroke: #8884 } .one { stroke: #666; stroke-width: 1.5 } @media (prefers-color-scheme: dark) { text { fill: #bbb } .one { stroke: #bbb } }</style>',
    text(LEFT, 20, 'Times as fast as OpenSSH (memory: as small): further right is better'),
    legend(others),
    ...x.ticks.map((tick) => axis(x.at(tick), tick, height - 30)),
    ...body,
    '</svg>',
  ].join('\n')}\n`;
}

interface Scale {
  readonly ticks: readonly number[];
  at(value: number): number;
}

function scaleOf(low: number, high: number): Scale {
  const from = Math.floor(Math.log2(low));
  const to = Math.ceil(Math.log2(high));
  const ticks = Array.from({ length: to - from + 1 }, (_, index) => 2 ** (from + index));
  const width = WIDTH - RIGHT - LEFT;
  return { ticks, at: (value) => LEFT + ((Math.log2(value) - from) / (to - from)) * width };
}

function dot(
  x: Scale,
  { median, min, max }: Spread,
  y: number,
  colour: string,
  title: string,
): string {
  const name = `<title>${plain(title)}: ${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})</title>`;
  const range = `<line x1="${x.at(min).toFixed(1)}" x2="${x.at(max).toFixed(1)}" y1="${y}" y2="${y}" stroke="${colour}" stroke-width="3" stroke-opacity="0.4"/>`;
  return `<g>${name}${range}<circle cx="${x.at(median).toFixed(1)}" cy="${y}" r="4.5" fill="${colour}"/></g>`;
}

function legend(clients: readonly Client[]): string {
  return clients
    .map(({ name, title }, index) => {
      const left = LEFT + index * 160;
      return `<circle cx="${left + 5}" cy="38" r="4.5" fill="${COLOURS[name] ?? ''}"/>${text(left + 15, 38, plain(title))}`;
    })
    .join('\n');
}

function axis(left: number, value: number, bottom: number): string {
  const kind = value === 1 ? 'one' : 'tick';
  const line = `<line x1="${left.toFixed(1)}" x2="${left.toFixed(1)}" y1="${TOP - 6}" y2="${bottom}" class="${kind}"/>`;
  const label = value < 1 ? `1/${1 / value}` : String(value);
  return `${line}${text(left, TOP - 14, label, 'middle')}`;
}

function text(x: number, y: number, content: string, anchor = 'start'): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" dominant-baseline="middle">${content}</text>`;
}

function plain(title: string): string {
  return title.replaceAll('`', '').replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
