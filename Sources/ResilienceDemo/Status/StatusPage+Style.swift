extension StatusPage {
    /// One column on a phone, several where there is room; colours for light and dark.
    static let style = """
        :root {
          --page: #f3f4f6; --card: #ffffff; --ink: #16191d; --soft: #59616b; --line: #d9dde2;
          --good: #187a3c; --warn: #8a5a00; --bad: #b3261e; --with: #0b63ce; --without: #b3261e;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --page: #101316; --card: #1b1f24; --ink: #eceff2; --soft: #a2abb5; --line: #343a41;
            --good: #57c97d; --warn: #e6b450; --bad: #ff8a80; --with: #6fb1ff; --without: #ff8a80;
          }
        }
        * { box-sizing: border-box; margin: 0; }
        body {
          background: var(--page); color: var(--ink); max-width: 70rem; margin: 0 auto; padding: .75rem;
          font: 1rem/1.4 system-ui, sans-serif; font-variant-numeric: tabular-nums;
        }
        header { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: baseline; margin-bottom: .5rem; }
        header p { margin-left: auto; color: var(--soft); }
        h1 { font-size: 1.2rem; }
        h2 { font-size: .85rem; font-weight: 600; color: var(--soft); margin-bottom: .25rem; }
        main, .now, .layers, .columns, .column { display: grid; gap: .75rem; grid-template-columns: minmax(0, 1fr); }
        .columns, .column { align-content: start; align-items: start; }
        .card {
          background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .75rem .9rem;
          min-width: 0;
        }
        .big { font-size: 2rem; font-weight: 700; line-height: 1.15; overflow-wrap: anywhere; }
        .big small { font-size: .9rem; font-weight: 400; color: var(--soft); }
        .note { color: var(--soft); font-size: .9rem; }
        .note b { color: var(--ink); white-space: nowrap; }
        .state { border-left: .5rem solid var(--line); }
        [data-state="closed"] { border-left-color: var(--good); } [data-state="closed"] .big { color: var(--good); }
        [data-state="half_open"] { border-left-color: var(--warn); } [data-state="half_open"] .big { color: var(--warn); }
        [data-state="open"], [data-state="isolated"] { border-left-color: var(--bad); }
        [data-state="open"] .big, [data-state="isolated"] .big { color: var(--bad); }
        progress, meter { width: 100%; height: .7rem; display: block; margin: .35rem 0; accent-color: var(--with); }
        #chart { width: 100%; height: 9rem; display: block; border-bottom: 1px solid var(--line); }
        polyline { fill: none; stroke-width: 2.5; vector-effect: non-scaling-stroke; }
        polyline.with { stroke: var(--with); }
        polyline.without { stroke: var(--without); stroke-dasharray: 7 4; }
        polyline.asked { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 2 3; }
        .legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin-top: .4rem; }
        .legend i { display: inline-block; width: 1.6rem; border-top: 3px solid; margin-right: .4rem; vertical-align: middle; }
        .legend .with { border-color: var(--with); }
        .legend .without { border-color: var(--without); border-top-style: dashed; }
        .legend .asked { border-color: var(--soft); border-top: 1px dotted; }
        .legend .scale { color: var(--soft); font-size: .9rem; }
        table { width: 100%; border-collapse: collapse; }
        th, td { text-align: right; padding: .3rem 0 .3rem .5rem; border-top: 1px solid var(--line); }
        thead th, thead td { border-top: 0; color: var(--soft); font-size: .9rem; }
        tbody th { text-align: left; font-weight: 400; padding-left: 0; color: var(--soft); }
        tbody td { font-size: 1.15rem; font-weight: 600; white-space: nowrap; }
        .is-bad { color: var(--bad); } .is-good { color: var(--good); }
        #events { list-style: none; padding: 0; }
        #events li { display: flex; gap: .75rem; padding: .25rem 0; border-top: 1px solid var(--line); }
        #events li:first-child { border-top: 0; }
        #events time { color: var(--soft); flex: 0 0 3.6rem; text-align: right; }
        footer { color: var(--soft); font-size: .9rem; padding: .75rem 0; }
        a { color: var(--with); margin-left: .5rem; }
        body.is-lost main { opacity: .45; }
        body.is-lost #link { color: var(--bad); font-weight: 700; }
        @media (min-width: 600px) {
          .now, .layers { grid-template-columns: repeat(2, minmax(0, 1fr)); }
        }
        @media (min-width: 1000px) {
          .columns { grid-template-columns: repeat(2, minmax(0, 1fr)); }
          .layers .big { font-size: 1.7rem; }
        }
        """
}
