'use strict';
(async () => {
  const data = document.getElementById('table-data');
  if (!data) return;
  const form = document.getElementById('search');
  const query = document.getElementById('query');
  const status = document.getElementById('search-status');
  const body = document.querySelector('#table-list tbody');
  const first = [...body.rows];
  const initial = status.textContent;
  const ROWS = 100;
  // More hits than this are not counted.
  const COUNTED = 10000;
  const number = new Intl.NumberFormat('en');

  const unpack = async () => {
    const packed = data.textContent;
    const bytes = Uint8Array.fromBase64
      ? Uint8Array.fromBase64(packed)
      : Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  };

  // All names as one text, a line each, with its schema before it; and where each line begins.
  const read = (bytes) => {
    const length = new DataView(bytes.buffer).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
    const rows = header.count.reduce((sum, count) => sum + count, 0);
    const schemas = header.schemas.map((schema) => new TextEncoder().encode(schema + '.'));
    const out = new Uint8Array(header.bytes);
    const starts = new Uint32Array(rows + 1);
    const ends = new Uint32Array(header.count.length);
    let common = 4 + length, from = common + rows, to = 0, row = 0, units = 0, before = 0;
    const put = (byte) => {
      out[to++] = byte;
      // As many as its letters have in JavaScript's strings.
      if ((byte & 0xc0) !== 0x80) units += byte >= 0xf0 ? 2 : 1;
    };
    for (let group = 0; group < header.count.length; group++) {
      const schema = schemas[header.schema[group]];
      for (const last = row + header.count[group]; row < last; row++) {
        starts[row] = units;
        for (let i = 0; i < schema.length; i++) put(schema[i]);
        const name = to;
        for (let i = 0, shared = bytes[common++]; i < shared; i++) put(out[before + i]);
        while (bytes[from] !== 10) put(bytes[from++]);
        from++;
        put(10);
        before = name;
      }
      ends[group] = row;
    }
    starts[rows] = units;
    const text = new TextDecoder().decode(out);
    return { header, rows, starts, ends, text, lower: lower(text) };
  };

  // As long as before: the one letter that would become two does not.
  const lower = (text) => text.replaceAll('\u0130', 'I').toLowerCase();

  // The first place in a sorted list whose value is above this one.
  const above = (list, value) => {
    let low = 0, high = list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (list[middle] > value) high = middle; else low = middle + 1;
    }
    return low;
  };

  const cell = (kind, text, isName) => {
    const cell = document.createElement(kind);
    if (kind === 'th') cell.scope = 'row';
    const place = isName ? cell.appendChild(document.createElement('bdi')) : cell;
    place.textContent = text;
    return cell;
  };

  const shown = (tables, row) => {
    const { header } = tables;
    const group = above(tables.ends, row);
    const schema = header.schemas[header.schema[group]];
    const name = tables.text.slice(tables.starts[row] + schema.length + 1, tables.starts[row + 1] - 1);
    const file = header.file[group], position = header.position[group];
    const line = document.createElement('tr');
    line.append(cell('th', name, true), cell('td', schema, true), cell('td', header.sources[header.source[group]], true));
    if (file < 0) {
      line.append(cell('td', 'where its source is read'));
    } else {
      const from = line.appendChild(document.createElement('td')).appendChild(document.createElement('span'));
      from.className = 'at';
      from.appendChild(document.createElement('bdi')).textContent =
        header.files[file] + (position < 0 ? '' : ':' + position);
    }
    const state = line.appendChild(cell('td', header.enabled[group] ? 'enabled' : ''));
    if (!header.enabled[group]) {
      const badge = state.appendChild(document.createElement('span'));
      badge.className = 'badge warn';
      badge.textContent = 'disabled';
    }
    return line;
  };

  const search = (tables, wanted) => {
    const found = [];
    let count = 0;
    for (let at = 0; count < COUNTED && (at = tables.lower.indexOf(wanted, at)) >= 0; count++) {
      const row = above(tables.starts, at) - 1;
      if (found.length < ROWS) found.push(row);
      at = tables.starts[row + 1];
    }
    return { found, count };
  };

  form.hidden = false;
  form.addEventListener('submit', (event) => event.preventDefault());
  try {
    const tables = read(await unpack());
    data.remove();
    const answer = () => {
      const wanted = lower(query.value.trim());
      if (!wanted) {
        body.replaceChildren(...first);
        status.textContent = initial;
        return;
      }
      const { found, count } = search(tables, wanted);
      body.replaceChildren(...found.map((row) => shown(tables, row)));
      const many = count === COUNTED ? 'At least ' + number.format(count) : count ? number.format(count) : 'None';
      const most = count > found.length ? '; the first ' + found.length + ' are shown' : '';
      status.textContent = many + ' of ' + number.format(tables.rows) + ' tables' + most;
    };
    query.addEventListener('input', answer);
    document.documentElement.dataset.search = 'ready';
    // The browser may have kept what was typed before the page was loaded again.
    if (query.value) answer();
  } catch {
    query.disabled = true;
    status.textContent = initial + '. This browser can’t read the rest, for the search: a newer one can.';
  }
})();
