/**
 * What a cut or a restart must not lose: a socket that tests can cut, and the page's rows beside the server's, one by one.
 * Both run in the page.
 */

/** Replaces WebSocket by one that a test can cut: open ones close, new ones fail. Runs in the page. */
export function cuttable() {
  const Real = WebSocket;
  let isCut = false;
  /** @type {Set<WebSocket>} */
  const open = new Set();
  // @ts-expect-error a constructor in place of a class
  window.WebSocket = function (url, protocols) {
    const socket = new Real(isCut ? new URL("/api/v1/no-such-socket", url) : url, protocols);
    open.add(socket);
    return socket;
  };
  Object.assign(window.WebSocket, { OPEN: Real.OPEN, CONNECTING: Real.CONNECTING, CLOSING: Real.CLOSING, CLOSED: Real.CLOSED });
  // @ts-expect-error for the test only
  window.cutSockets = (cut) => {
    isCut = cut;
    if (cut) for (const socket of open) socket.close();
  };
}

/**
 * Compares the page's arrays with the server's rows over the last minute that both must have. Runs in the page.
 * `keptUs`: what a row may have moved when it was written to disk and read again; live rows are the same to the microsecond.
 */
export async function compare(store, keptUs = 0) {
  const wrong = [];
  let compared = 0;
  const to = Date.now() - 5000;
  const isSame = (mine, theirs) => mine === theirs || (mine !== undefined && [mine, theirs].map((text) => text.split(" ").map((word) => (word === "null" ? NaN : Number(word))))
    .reduce((a, b) => a.every((value, i) => Object.is(value, b[i]) || (i !== 1 && Math.abs(value - b[i]) <= keptUs)) ? a : []).length > 0);
  for (const { o, ring, bins } of store.rows.values()) {
    if (bins.length > 0 || ring.length === 0) continue;
    const from = Math.ceil(Math.max(ring.at[0] / 1000, to - 50_000));
    const answer = await (await fetch(`/api/v1/samples?target=${encodeURIComponent(o.id)}&from=${from}&to=${to}`)).json();
    const server = new Map();
    for (const { run, base, d } of answer.segments) {
      for (const [, seq, dt, outcome, rtt, host, flags] of d) {
        if ((flags & 6) === 0) server.set(`${run}/${seq}`, [base * 1000 + dt, outcome, rtt, host].join(" "));
      }
    }
    const page = new Map();
    for (let i = 0; i < ring.length; i += 1) {
      if (ring.at[i] < from * 1000 || ring.at[i] > to * 1000) continue;
      const value = (us) => (us === 0xffffffff ? null : us);
      page.set(`${ring.run[i]}/${ring.seq[i]}`, [ring.at[i], ring.outcome[i], value(ring.rtt[i]), value(ring.host[i])].join(" "));
    }
    compared += server.size;
    for (const [key, row] of server) if (!isSame(page.get(key), row)) wrong.push(`${o.id} ${key}: server ${row}, page ${page.get(key)}`);
    for (const key of page.keys()) if (!server.has(key)) wrong.push(`${o.id} ${key}: only on the page`);
  }
  return { wrong: wrong.slice(0, 20), compared };
}
