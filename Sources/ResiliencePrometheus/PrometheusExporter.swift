public import ResilienceCore

/// Shows what policies measure in the text formats that Prometheus reads.
///
/// ```swift
/// let calls = CallMetrics()
/// let payments = try Policy("payments", observers: [calls]) { CircuitBreaker.layer() }
/// let exporter = PrometheusExporter([payments, calls])
///
/// let page = exporter.page(accept: request.headers["Accept"])
/// respond(page.bytes, contentType: page.contentType)
/// ```
///
/// Any number of tasks may ask for pages at once. A page takes each strategy's lock no longer than to read its numbers.
public struct PrometheusExporter: Sendable {
    /// What is shown, in this order.
    public let sources: [any MetricSource]

    /// The names it is shown under.
    public let naming: Naming

    /// Creates an exporter.
    ///
    /// - Parameters:
    ///   - sources: Policies, strategies, budgets, `CallMetrics`, or sources of your own.
    ///   - naming: The names of the metrics. Default: ``Naming/neutral``.
    public init(_ sources: [any MetricSource], naming: Naming = .neutral) {
        self.sources = sources
        self.naming = naming
    }

    /// The present values, in the format that a client prefers.
    ///
    /// - Parameter accept: The client's `Accept` header. Default: none, which gives the text format.
    public func page(accept: String?) -> Page {
        page(Format.preferred(accept: accept))
    }

    /// The present values.
    public func page(_ format: Format = .text) -> Page {
        let metrics = MetricCollection(of: sources)
        var catalogue = Catalogue()
        if naming.contains(.neutral) {
            for entry in metrics.entries { catalogue.add(ExposedFamily(entry)) }
        }
        if naming.contains(.resilience4j) {
            for family in Resilience4jNames(metrics).families { catalogue.add(family) }
        }
        var writer = PageWriter(format)
        writer.write(catalogue.families)
        return Page(
            format: format, bytes: writer.finished(), omitted: metrics.conflicts.map(\.name) + catalogue.omitted)
    }

    /// What is served to Prometheus.
    public struct Page: Sendable, Hashable, CustomStringConvertible {
        /// The format of the text.
        public let format: Format
        /// The text, in UTF-8.
        public let bytes: [UInt8]
        /// The names of families that were left out, because one of that name has another type, unit or labels.
        public let omitted: [String]

        /// The value of the `Content-Type` header.
        public var contentType: String { format.contentType }

        /// The text.
        public var description: String { String(decoding: bytes, as: UTF8.self) }
    }

    /// The names under which metrics are shown; both sets may be shown at once.
    public struct Naming: OptionSet, Sendable, Hashable {
        /// The names as bits.
        public let rawValue: Int

        /// Creates a set of names from bits.
        public init(rawValue: Int) {
            self.rawValue = rawValue
        }

        /// This package's own names: `resilience_circuit_breaker_state`.
        public static let neutral = Naming(rawValue: 1)
        /// The names of resilience4j, for dashboards that were made for it: `resilience4j_circuitbreaker_state`. Shows
        /// what resilience4j knows, and nothing else.
        public static let resilience4j = Naming(rawValue: 2)
    }
}
