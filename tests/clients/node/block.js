// An ad blocker's engine (@ghostery/adblocker): rules and requests come as JSON, each answer is the rule that blocks, or "".
'use strict';
const { FiltersEngine, Request } = require('@ghostery/adblocker');

let text = '';
process.stdin.on('data', (part) => { text += part; });
process.stdin.on('end', () => {
  const { rules, page, requests } = JSON.parse(text);
  const engine = FiltersEngine.parse(rules, { debug: true, enableOptimizations: false });
  console.log(JSON.stringify(requests.map(([type, url]) => {
    const { match, filter } = engine.match(Request.fromRawDetails({ type, url, sourceUrl: page }));
    return match ? String(filter.rawLine || filter) : '';
  })));
});
