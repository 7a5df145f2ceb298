/// The page of a run with several processes: which node opened when, and what each node believes.
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
        body { font: 15px/1.45 system-ui, sans-serif; max-width: 72rem; margin: 1.5rem auto; padding: 0 1rem; }
        h1 { font-size: 1.3rem; } h2 { font-size: 1.1rem; }
        table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
        th, td { text-align: right; padding: .3rem .5rem; border-bottom: 1px solid #8884; white-space: nowrap; }
        th:first-child, td:first-child, .text { text-align: left; }
        th, td.text { white-space: normal; } th { vertical-align: bottom; }
        td:first-child, td.text.half-open { white-space: nowrap; }
        .scroll { overflow-x: auto; }
        .closed { color: #14722f; } .open { color: #b3261e; font-weight: 600; } .half-open { color: #8a5300; }
        .lost { background: #b3261e22; }
        @media (prefers-color-scheme: dark) {
          .closed { color: #6fdd8b; } .open { color: #ff8a80; } .half-open { color: #ffca70; }
        }
        ol { list-style: none; padding: 0; font: 13px/1.5 ui-monospace, monospace; white-space: pre-wrap; }
        /* A node is a block of its own where a row has no room. */
        @media (max-width: 62rem) {
          thead { display: none; }
          tr { display: grid; grid-template-columns: 1fr 1fr; column-gap: 1.5rem; padding: .6rem 0;
            border-bottom: 1px solid #8884; }
          td { display: flex; justify-content: space-between; gap: .5rem; border: 0; padding: .1rem .5rem;
            white-space: normal; }
          td:first-child { grid-column: 1 / -1; font-weight: 600; justify-content: flex-start; }
          td::before { content: attr(data-label); opacity: .7; white-space: nowrap; }
          td > span { text-align: right; }
        }
        @media (max-width: 32rem) { tr { grid-template-columns: 1fr; } }
        </style>
        </head>
        <body>
        <h1>A fleet and its circuit</h1>
        <p id="agreement">waiting for the nodes</p>
        <div class="scroll"><table>
        <thead><tr><th scope="col">node</th><th scope="col" class="text">breaker</th>
        <th scope="col" class="text">fleet, it believes</th>
        <th scope="col">opened after</th><th scope="col" class="text">opened</th>
        <th scope="col">closed after</th><th scope="col" class="text">closed</th>
        <th scope="col">ok</th><th scope="col">failed</th><th scope="col">refused</th><th scope="col">messages/s</th>
        </tr></thead>
        <tbody id="nodes"></tbody>
        </table></div>
        <h2>What happened</h2>
        <ol id="entries"></ol>
        <script>
        const labels = [...document.querySelectorAll("th")].map(head => head.textContent);
        const cell = (row, text, name) => {
          const cell = row.insertCell(), value = document.createElement("span");
          cell.dataset.label = labels[row.cells.length - 1];
          value.textContent = text;
          cell.append(value);
          if (name !== undefined) cell.className = "text " + name;
        };
        const after = value => value === undefined || value === null ? "–" : Math.round(value) + " ms";
        let previous = null;
        async function show() {
          let status;
          try { status = await (await fetch("/status.json")).json(); } catch {
            document.getElementById("agreement").textContent += "; the run is over";
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
            cell(row, after(node.openedAfter)); cell(row, node.openedBy || "–", "");
            cell(row, after(node.closedAfter)); cell(row, node.closedBy || "–", "");
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
