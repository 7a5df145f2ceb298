/// The page of a run with several processes: who opened when, and what each node believes.
enum FleetPage {
    static let html = """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>A fleet and its circuit</title>
        <style>
        :root { color-scheme: light dark; }
        body { font: 15px/1.45 system-ui, sans-serif; max-width: 62rem; margin: 1.5rem auto; padding: 0 1rem; }
        h1 { font-size: 1.3rem; }
        table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
        th, td { text-align: right; padding: .3rem .5rem; border-bottom: 1px solid #8884; white-space: nowrap; }
        th:first-child, td:first-child, .text { text-align: left; }
        .scroll { overflow-x: auto; }
        .closed { color: #14722f; } .open { color: #b3261e; font-weight: 600; } .half-open { color: #8a5300; }
        .lost { background: #b3261e22; }
        @media (prefers-color-scheme: dark) {
          .closed { color: #6fdd8b; } .open { color: #ff8a80; } .half-open { color: #ffca70; }
        }
        ol { list-style: none; padding: 0; font: 13px/1.5 ui-monospace, monospace; }
        </style>
        </head>
        <body>
        <h1>A fleet and its circuit</h1>
        <p id="agreement">waiting for the nodes</p>
        <div class="scroll"><table>
        <thead><tr><th scope="col">node</th><th scope="col">its breaker</th><th scope="col">believes of the fleet</th>
        <th scope="col">opened after</th><th scope="col">by</th><th scope="col">closed after</th><th scope="col">by</th>
        <th scope="col">ok</th><th scope="col">failed</th><th scope="col">refused</th><th scope="col">messages/s</th>
        </tr></thead>
        <tbody id="nodes"></tbody>
        </table></div>
        <h2>What happened</h2>
        <ol id="entries"></ol>
        <script>
        const cell = (row, text, name) => {
          const cell = row.insertCell(); cell.textContent = text; if (name) cell.className = name;
        };
        const after = value => value === undefined || value === null ? "–" : Math.round(value) + " ms";
        let previous = null;
        async function show() {
          let status;
          try { status = await (await fetch("/status.json")).json(); } catch {
            document.getElementById("agreement").textContent = "the run is over";
            return;
          }
          const now = performance.now();
          const body = document.getElementById("nodes");
          body.replaceChildren();
          for (const node of status.nodes) {
            const row = body.insertRow();
            if (node.isDegraded) row.className = "lost";
            const earlier = previous && previous.nodes[node.number - 1];
            const rate = earlier ? (node.exchanges - earlier.exchanges) / (now - previous.at) * 1000 : 0;
            cell(row, node.number + (node.isDegraded ? " (without Redis)" : ""));
            cell(row, node.state, node.state); cell(row, node.fleet, node.fleet.split(" ")[0]);
            cell(row, after(node.openedAfter)); cell(row, node.openedBy);
            cell(row, after(node.closedAfter)); cell(row, node.closedBy);
            cell(row, node.succeeded); cell(row, node.failed); cell(row, node.refused);
            cell(row, Math.round(rate));
          }
          previous = { at: now, nodes: status.nodes };
          document.getElementById("agreement").textContent = status.timeToAgree === undefined
            ? "the nodes have not all opened" : `from the first node to open to the last: ${after(status.timeToAgree)}`;
          const list = document.getElementById("entries");
          list.replaceChildren(...status.entries.slice().reverse().map(entry => {
            const item = document.createElement("li");
            item.textContent = entry.seconds.toFixed(2).padStart(7) + " s  " + entry.text;
            return item;
          }));
          setTimeout(show, 500);
        }
        show();
        </script>
        </body>
        </html>

        """
}
