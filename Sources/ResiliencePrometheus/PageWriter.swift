internal import ResilienceCore

/// Writes families, line by line.
///
/// Text format: <https://prometheus.io/docs/instrumenting/exposition_formats/>; OpenMetrics:
/// <https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md>.
struct PageWriter: ~Copyable {
    private let format: PrometheusExporter.Format
    private var page: [UInt8] = []
    /// The lines of the present sample.
    private var lines = ByteBuffer()
    /// The labels of the present sample without braces, `name="payments",kind="failed"`.
    private var labels = ByteBuffer()
    /// What a bucket's line begins with, up to its last label.
    private var prefix = ByteBuffer()
    private var limits = BucketLabels(.standard)

    init(_ format: PrometheusExporter.Format) {
        self.format = format
    }

    mutating func finished() -> [UInt8] {
        if format == .openMetrics { page.append(contentsOf: "# EOF\n".utf8) }
        return page
    }

    mutating func write(_ families: [ExposedFamily]) {
        page.reserveCapacity(families.reduce(0) { $0 + $1.expectedBytes })
        for family in families { write(family) }
    }

    private mutating func write(_ family: ExposedFamily) {
        writeHead(family)
        let keys = family.labels.enumerated().map { Array((($0 > 0 ? "," : "") + $1 + "=\"").utf8) }
        let names = Names(family)
        for (position, value) in family.values.enumerated() {
            labels.truncate(to: 0)
            for index in keys.indices {
                labels.append(keys[index])
                labels.append(escaping: family.labelValues[position * keys.count + index], quotes: true)
                labels.append(UInt8(ascii: "\""))
            }
            switch value {
            case .histogram(let snapshot): write(snapshot, names)
            case .integer(let number) where family.kind == .summary:
                begin(names.count)
                lines.append(number)
                lines.append(UInt8(ascii: "\n"))
                if let sum = family.sums[position] { write(names.sum, sum) }
            case .integer(let number):
                begin(names.plain)
                lines.append(number)
                lines.append(UInt8(ascii: "\n"))
            case .number(let number):
                begin(names.plain)
                lines.append(number)
                lines.append(UInt8(ascii: "\n"))
            }
            flush()
        }
    }

    private mutating func flush() {
        lines.withBytes { page.append(contentsOf: $0) }
        lines.truncate(to: 0)
    }

    /// The names of a family's lines.
    private struct Names {
        let plain: [UInt8]
        let bucket: [UInt8]
        let sum: [UInt8]
        let count: [UInt8]

        init(_ family: ExposedFamily) {
            plain = Array((family.kind == .counter ? family.name + "_total" : family.name).utf8)
            bucket = Array((family.name + "_bucket{").utf8)
            sum = Array((family.name + "_sum").utf8)
            count = Array((family.name + "_count").utf8)
        }
    }

    private mutating func writeHead(_ family: ExposedFamily) {
        defer { flush() }
        // In the text format a counter's name is that of its lines; OpenMetrics leaves the suffix out.
        let name = family.kind == .counter && format == .text ? family.name + "_total" : family.name
        lines.append("# HELP \(name) ")
        lines.append(escaping: family.help, quotes: format == .openMetrics)
        lines.append("\n# TYPE \(name) \(family.kind.rawValue)\n")
        if let unit = family.unit, format == .openMetrics { lines.append("# UNIT \(name) \(unit)\n") }
    }

    /// `name{labels} `
    private mutating func begin(_ name: [UInt8]) {
        lines.append(name)
        if labels.count > 0 {
            lines.append(UInt8(ascii: "{"))
            lines.append(labels)
            lines.append(UInt8(ascii: "}"))
        }
        lines.append(UInt8(ascii: " "))
    }

    private mutating func write(_ snapshot: DurationHistogram.Snapshot, _ names: Names) {
        if limits.buckets != snapshot.buckets { limits = BucketLabels(snapshot.buckets) }
        prefix.truncate(to: 0)
        prefix.append(names.bucket)
        if labels.count > 0 {
            prefix.append(labels)
            prefix.append(UInt8(ascii: ","))
        }
        var count = 0
        for (index, number) in snapshot.counts.enumerated() {
            count = count.addingSaturated(number)
            lines.append(prefix)
            limits.append(index, to: &lines)
            lines.append(count)
            lines.append(UInt8(ascii: "\n"))
        }
        write(names.sum, snapshot.nanoseconds)
        begin(names.count)
        lines.append(count)
        lines.append(UInt8(ascii: "\n"))
    }

    private mutating func write(_ name: [UInt8], _ nanoseconds: UInt128) {
        begin(name)
        lines.append(seconds: nanoseconds)
        lines.append(UInt8(ascii: "\n"))
    }
}

/// The last labels of the buckets' lines, `le="0.005"} `, one after another.
private struct BucketLabels: ~Copyable {
    let buckets: HistogramBuckets
    private var text = ByteBuffer()
    private var ends: [Int] = []

    init(_ buckets: HistogramBuckets) {
        self.buckets = buckets
        for bound in buckets.bounds {
            text.append("le=\"")
            text.append(seconds: UInt128(max(0, bound.saturatedNanoseconds)))
            text.append("\"} ")
            ends.append(text.count)
        }
        text.append("le=\"+Inf\"} ")
        ends.append(text.count)
    }

    func append(_ index: Int, to lines: inout ByteBuffer) {
        let start = index == 0 ? 0 : ends[index - 1]
        text.withBytes { lines.append(UnsafeBufferPointer(rebasing: $0[start..<ends[index]])) }
    }
}

extension ExposedFamily {
    /// About how long its lines are, so that a page need not be moved while it grows.
    fileprivate var expectedBytes: Int {
        guard let first = values.first else { return 0 }
        let width =
            name.utf8.count + labels.reduce(40) { $0 + $1.utf8.count + 8 } + (labelValues.first?.utf8.count ?? 0)
        guard case .histogram(let snapshot) = first else { return values.count * width }
        return values.count * (snapshot.counts.count + 2) * width
    }
}
