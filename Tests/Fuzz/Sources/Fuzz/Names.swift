import Resilience
import ResiliencePrometheus

/// Whatever things are called, every line of a page is one that Prometheus reads, and no series is there twice.
func fuzzNames(_ bytes: [UInt8]) {
    var choices = Choices(bytes)
    var sources: [any MetricSource] = []
    while !choices.isEmpty, sources.count < 8 { sources.append(Invented(&choices)) }
    for format in PrometheusExporter.Format.allCases {
        for naming in [PrometheusExporter.Naming.neutral, [.neutral, .resilience4j]] {
            let page = PrometheusExporter(sources, naming: naming).page(format)
            var series: Set<Substring> = []
            for line in page.description.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
                if line.hasPrefix("# ") { continue }
                guard let end = line.lastIndex(of: " ") else { return check(false, "no value: \(line)") }
                check(series.insert(line[..<end]).inserted, "twice: \(line)")
                check(isSeries(Array(line[..<end].utf8)), "no series: \(line)")
                check(Double(line[line.index(after: end)...].replacing("Inf", with: "inf")) != nil, "value: \(line)")
            }
        }
    }
}

/// A name, and labels with values in which quotation marks and backslashes are escaped.
private func isSeries(_ text: [UInt8]) -> Bool {
    var rest = text[...]
    func isLetter(_ byte: UInt8) -> Bool { byte | 0x20 >= 97 && byte | 0x20 <= 122 || byte == 95 }
    func isDigit(_ byte: UInt8) -> Bool { byte >= 48 && byte <= 57 }
    func take(colon: Bool) -> Bool {
        guard let first = rest.first, isLetter(first) || (colon && first == 58) else { return false }
        rest = rest.drop { isLetter($0) || isDigit($0) || (colon && $0 == 58) }
        return true
    }
    guard take(colon: true) else { return false }
    guard rest.popFirst() == 123 else { return text.last != 123 && rest.isEmpty }
    var keys: Set<[UInt8]> = []
    while true {
        let start = rest.startIndex
        guard take(colon: false), keys.insert(Array(text[start..<rest.startIndex])).inserted else { return false }
        guard rest.popFirst() == 61, rest.popFirst() == 34 else { return false }
        while let byte = rest.popFirst(), byte != 34 {
            if byte == 92, ![92, 110, 34].contains(rest.popFirst()) { return false }
            if byte == 0 { return false }
        }
        switch rest.popFirst() {
        case 44: continue
        case 125: return rest.isEmpty
        default: return false
        }
    }
}

/// A source with invented families, of which some have the names of others.
private final class Invented: MetricSource {
    private let samples: [(family: MetricFamily, labels: [String], value: MetricValue)]

    init(_ choices: inout Choices) {
        let known = ["resilience.circuit_breaker.calls", "a", "a_total", "a_bucket", "resilience.retry.calls", ""]
        samples = (0..<(1 + choices.number(below: 5))).map { _ in
            let name = choices.byte() & 1 == 0 ? choices.element(of: known) : choices.text()
            let kind = choices.element(of: MetricFamily.Kind.allCases)
            let labels = (0..<choices.number(below: 4)).map { _ in choices.text() }
            let family = MetricFamily(
                name, kind, unit: choices.byte() & 1 == 0 ? nil : choices.text(), labels: labels, help: choices.text())
            let values = (0..<choices.number(below: 5)).map { _ in choices.text() }
            switch choices.number(below: 3) {
            case 0: return (family, values, .integer(Int(truncatingIfNeeded: choices.word())))
            case 1: return (family, values, .number(Double(bitPattern: choices.word())))
            default:
                let histogram = DurationHistogram()
                histogram.record(.nanoseconds(Int64(truncatingIfNeeded: choices.word())))
                return (family, values, .histogram(histogram.snapshot))
            }
        }
    }

    func collect(into metrics: inout MetricCollection) {
        for sample in samples { metrics.add(sample.family, sample.labels, sample.value) }
    }
}
