/// The page for browsers: one document that loads nothing but its data.
enum StatusPage {
    static let html = """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>resilience-demo</title>
        <link rel="icon" href="data:,">
        <style>
        \(style)
        </style>
        </head>
        <body>
        <header>
          <h1>resilience-demo</h1>
          <p id="link"><span id="connection" role="status">connecting …</span><span id="staleness"></span></p>
        </header>
        <main>
          <section class="now" aria-label="Now">
            <div id="breaker-card" class="card state" data-state="">
              <h2>Circuit breaker</h2>
              <p class="big" id="breaker" aria-live="polite">–</p>
              <p class="note" id="breaker-note">&nbsp;</p>
            </div>
            <div class="card">
              <h2>Upstream</h2>
              <p class="big" id="phase" aria-live="polite">–</p>
              <p class="note" id="story">&nbsp;</p>
              <progress id="progress" max="1" value="0" aria-label="Part of the run that is over"></progress>
            </div>
          </section>
          <div class="columns">
            <div class="column">
              <section class="card" aria-labelledby="answers-title">
                <h2 id="answers-title">Answered calls per second</h2>
                <svg id="chart" viewBox="0 0 600 150" preserveAspectRatio="none" aria-hidden="true">
                  <polyline class="asked" points=""></polyline>
                  <polyline class="without" points=""></polyline>
                  <polyline class="with" points=""></polyline>
                </svg>
                <ul class="legend">
                  <li><i class="with"></i>with a policy <b id="answered-with">–</b></li>
                  <li><i class="without"></i>without <b id="answered-without">–</b></li>
                  <li><i class="asked"></i>asked <b id="asked">–</b></li>
                  <li class="scale">the last <b id="span">0</b> s, up to <b id="top">0</b></li>
                </ul>
              </section>
              <section class="card" aria-labelledby="sides-title">
                <h2 id="sides-title">The same calls, without and with a policy</h2>
                <table>
                  <thead><tr><td></td><th scope="col">without</th><th scope="col">with</th></tr></thead>
                  <tbody id="sides"></tbody>
                </table>
              </section>
            </div>
            <div class="column">
              <section class="layers" aria-label="Layers">
                <div class="card">
                  <h2>Bulkhead</h2>
                  <p class="big"><span id="slots">–</span> <small>slots in use</small></p>
                  <meter id="slots-meter" min="0" max="1" value="0" aria-label="Slots in use"></meter>
                  <p class="note"><b id="queued">–</b> waiting, <b id="full">–</b> refused</p>
                </div>
                <div class="card">
                  <h2>Rate limiter</h2>
                  <p class="big"><span id="permits">–</span> <small>permits</small></p>
                  <meter id="permits-meter" min="0" max="1" value="0" aria-label="Permits left"></meter>
                  <p class="note"><b id="limited">–</b> refused</p>
                </div>
                <div class="card">
                  <h2>Last good answer</h2>
                  <p class="big"><span id="stale-rate">–</span> <small>a second</small></p>
                  <p class="note">oldest in the last second: <b id="age">–</b></p>
                  <p class="note"><b id="stale">–</b> given in this run</p>
                </div>
                <div class="card">
                  <h2>Retry and timeout</h2>
                  <p class="big"><span id="retries">–</span> <small>retries</small></p>
                  <p class="note"><b id="timeouts">–</b> attempts cut off</p>
                  <p class="note"><b id="broken">–</b> refused by the breaker</p>
                </div>
              </section>
              <section class="card" aria-labelledby="events-title">
                <h2 id="events-title">What happened</h2>
                <ol id="events"></ol>
              </section>
            </div>
          </div>
        </main>
        <footer>
          <p>Module <b id="module">–</b>, health <b id="health">–</b>.
            <a href="metrics">/metrics</a> <a href="health">/health</a> <a href="status.json">/status.json</a></p>
        </footer>
        <noscript><p>The numbers need JavaScript; <a href="status.json">/status.json</a> has them too.</p></noscript>
        <script>
        \(script)
        </script>
        </body>
        </html>

        """
}
