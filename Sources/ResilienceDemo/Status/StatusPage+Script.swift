extension StatusPage {
    /// Asks for the data twice a second, shows it, and says so while no answer comes.
    static let script = #"""
        "use strict";
        const byId = id => document.getElementById(id);
        const samples = [], length = 120;
        let sides = null, misses = 0, since = 0;

        // Only what has changed is written: a screen reader tells each change of a live region.
        function put(id, text) {
          const element = typeof id === "string" ? byId(id) : id;
          if (element.textContent !== String(text)) element.textContent = text;
        }
        function rate(number) { return number < 9.95 && number > 0 ? number.toFixed(1) : String(Math.round(number)); }
        function milliseconds(number) {
          if (number === undefined || number === null) return "–";
          if (number < 1) return "<1 ms";
          return number < 999.5 ? Math.round(number) + " ms" : (number / 1000).toFixed(2) + " s";
        }
        function seconds(number) {
          return number === undefined || number === null ? "–" : milliseconds(number * 1000);
        }
        const rows = [
          ["answered, a second", s => rate(s.freshPerSecond + s.lastGoodPerSecond)],
          ["failed, a second", s => rate(s.failedPerSecond), s => s.failedPerSecond >= 1],
          ["sent, a second", s => rate(s.sentPerSecond)],
          ["latency p50", s => milliseconds(s.p50), s => s.p50 >= 500],
          ["latency p99", s => milliseconds(s.p99), s => s.p99 >= 500],
          ["waiting for an answer", s => s.inFlight, s => s.inFlight >= 50],
          ["answered in this run", s => s.fresh + s.lastGood],
          ["failed in this run", s => s.failed, s => s.failed > 0],
        ];
        function makeRows() {
          sides = rows.map(([label]) => {
            const row = document.createElement("tr"), head = document.createElement("th");
            head.scope = "row"; head.textContent = label;
            const cells = [document.createElement("td"), document.createElement("td")];
            row.append(head, ...cells);
            byId("sides").append(row);
            return cells;
          });
        }
        function showSides(data) {
          if (!sides) makeRows();
          rows.forEach(([, text, isBad], index) => {
            [data.unprotected, data.protected].forEach((side, column) => {
              put(sides[index][column], text(side));
              sides[index][column].className = isBad && isBad(side) ? "is-bad" : "";
            });
          });
        }
        function draw() {
          const top = Math.max(20, ...samples.map(s => Math.max(...s))) * 1.05;
          const width = Math.max(20, samples.length) - 1;
          put("span", Math.round(samples.length / 2));
          put("top", Math.round(top));
          ["asked", "without", "with"].forEach((name, index) => {
            const points = samples.map((sample, place) => {
              const x = place * 600 / width;
              return x.toFixed(1) + "," + (148 - sample[index] / top * 146).toFixed(1);
            });
            document.querySelector("#chart ." + name).setAttribute("points", points.join(" "));
          });
        }
        function showEvents(events) {
          byId("events").replaceChildren(...events.map(event => {
            const item = document.createElement("li"), time = document.createElement("time"),
              text = document.createElement("span");
            time.textContent = event.at.toFixed(1) + " s";
            // A number stays on the line of its unit.
            text.textContent = event.text.replace(/(\d) (ms|s|%|calls)(?!\w)/g, "$1\u00a0$2");
            item.append(time, text);
            return item;
          }));
        }
        const notes = {
          closed: "calls pass", open: "calls are refused at once", half_open: "a few probes pass",
          isolated: "calls are refused until somebody ends it",
        };
        function show(data) {
          put("breaker", data.breaker.replace("_", "-"));
          put("breaker-note", notes[data.breaker] || "");
          byId("breaker-card").dataset.state = data.breaker;
          put("phase", data.phase);
          put("story", data.story);
          byId("progress").value = data.length > 0 ? data.elapsed / data.length : 0;
          const answered = side => side.freshPerSecond + side.lastGoodPerSecond;
          samples.push([data.protected.callsPerSecond, answered(data.unprotected), answered(data.protected)]);
          while (samples.length > length) samples.shift();
          draw();
          put("asked", rate(data.protected.callsPerSecond));
          put("answered-without", rate(answered(data.unprotected)));
          put("answered-with", rate(answered(data.protected)));
          showSides(data);
          put("slots", data.bulkhead.inUse + " of " + data.bulkhead.limit);
          byId("slots-meter").max = data.bulkhead.limit;
          byId("slots-meter").value = data.bulkhead.inUse;
          put("queued", data.bulkhead.queued);
          put("full", data.layers.refusedByBulkhead);
          put("permits", data.limiter.permits + " of " + data.limiter.most);
          byId("permits-meter").max = data.limiter.most;
          byId("permits-meter").value = data.limiter.permits;
          put("limited", data.layers.refusedByLimiter);
          put("stale-rate", rate(data.protected.lastGoodPerSecond));
          put("stale", data.protected.lastGood);
          put("age", seconds(data.oldestAnswer));
          put("retries", data.layers.retries);
          put("timeouts", data.layers.timeouts);
          put("broken", data.layers.refusedByBreaker);
          showEvents(data.events);
          put("module", data.module);
          put("health", data.health.status);
        }
        async function update() {
          const started = Date.now(), control = new AbortController();
          const timer = setTimeout(() => control.abort(), 3000);
          try {
            const answer = await fetch("status.json", { cache: "no-store", signal: control.signal });
            if (answer.status === 503) {
              put("connection", "waiting for the first run …");
            } else if (!answer.ok) {
              throw new Error(answer.status);
            } else {
              show(await answer.json());
              put("connection", "live");
              put("staleness", "");
            }
            misses = 0;
            since = Date.now();
            document.body.classList.remove("is-lost");
          } catch {
            misses += 1;
            document.body.classList.add("is-lost");
            put("connection", "connection lost, trying again");
            // Not part of the live region, which would tell it over and over.
            put("staleness", since ? ", numbers are " + Math.round((Date.now() - since) / 1000) + " s old" : "");
          }
          clearTimeout(timer);
          // After a failure it waits a little longer each time, up to 5 seconds.
          const pause = misses ? Math.min(5000, 500 * 2 ** Math.min(misses, 4)) : 500 - (Date.now() - started);
          setTimeout(update, Math.max(50, pause));
        }
        update();
        """#
}
