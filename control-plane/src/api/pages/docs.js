// Renders /openapi.json without anything from elsewhere.
'use strict';

const make = (tag, text) => Object.assign(document.createElement(tag), text === undefined ? {} : { textContent: text });

const rowsOf = (schema, place, required) => Object.entries(schema.properties || {}).flatMap(([name, field]) => {
  const path = place + name;
  const inner = field.type === 'array' ? field.items : field;
  const own = [[path, field.type + (required.includes(name) ? ', required' : ''), field.description || '']];
  return own.concat(rowsOf(inner || {}, path + (field.type === 'array' ? '[].' : '.'), (inner || {}).required || []));
});

const table = (rows) => {
  const body = make('table');
  for (const row of rows) {
    const line = body.appendChild(make('tr'));
    row.forEach((cell, column) => line.appendChild(make('td')).appendChild(make(column === 0 ? 'code' : 'span', cell)));
  }
  return body;
};

const section = (path, method, call) => {
  const details = make('details');
  const summary = details.appendChild(make('summary'));
  summary.append(make('b', method.toUpperCase()), path + ' ', make('span', call.summary || ''));
  details.append(make('p', call.description || ''));
  const asked = (call.parameters || []).map((one) => [one.name, 'in ' + one.in, one.schema.description || '']);
  const body = call.requestBody && call.requestBody.content['application/json'].schema;
  details.append(table(asked.concat(body ? rowsOf(body, '', body.required || []) : [])));
  return details;
};

fetch('/openapi.json').then((answer) => answer.json()).then((description) => {
  const groups = new Map();
  for (const [path, calls] of Object.entries(description.paths)) {
    for (const [method, call] of Object.entries(calls)) {
      const tag = (call.tags || ['other'])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(section(path, method, call));
    }
  }
  const main = document.querySelector('main');
  main.textContent = '';
  for (const [tag, sections] of groups) main.append(make('h2', tag), ...sections);
});
