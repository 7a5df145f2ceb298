extension PrometheusExporter {
    /// A text format that Prometheus reads.
    public enum Format: Sendable, Hashable, CaseIterable {
        /// The text format, version 0.0.4.
        case text
        /// OpenMetrics, version 1.0.0.
        case openMetrics

        /// The value of the `Content-Type` header.
        public var contentType: String {
            switch self {
            case .text: "text/plain; version=0.0.4; charset=utf-8"
            case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
        }

        /// The format that a client prefers: OpenMetrics if it is asked for by name, in version 1, and nothing else is
        /// liked better; otherwise text, also for a client that takes neither.
        ///
        /// - Parameter accept: The `Accept` header as it was sent, several joined by commas; `nil` if there was none.
        public static func preferred(accept: String?) -> Format {
            var openMetrics = 0.0
            var text: (quality: Double, precision: Int) = (0, 0)
            for range in (accept ?? "").split(separator: ",") {
                let range = MediaRange(range)
                if range.isOpenMetrics { openMetrics = max(openMetrics, range.quality) }
                guard range.textPrecision > 0, range.textPrecision >= text.precision else { continue }
                let isMorePrecise = range.textPrecision > text.precision
                text = (isMorePrecise ? range.quality : max(text.quality, range.quality), range.textPrecision)
            }
            return openMetrics > 0 && openMetrics >= text.quality ? .openMetrics : .text
        }
    }
}

/// One element of an `Accept` header.
private struct MediaRange {
    let type: String
    private(set) var quality = 1.0
    private(set) var version: String?

    init(_ text: Substring) {
        let parts = text.split(separator: ";", omittingEmptySubsequences: false).map(Self.trimmed)
        type = parts[0]
        for parameter in parts.dropFirst() {
            let pair = parameter.split(separator: "=", maxSplits: 1).map(Self.trimmed)
            guard pair.count == 2 else { continue }
            if pair[0] == "q" {
                let number = Double(pair[1]) ?? 0
                quality = number >= 0 && number <= 1 ? number : 0
            }
            if pair[0] == "version" { version = pair[1].filter { $0 != "\"" } }
        }
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return text.lowercased()
    }

    var isOpenMetrics: Bool {
        type == "application/openmetrics-text" && (version == nil || version == "1" || version?.hasPrefix("1.") == true)
    }

    /// How precisely it names the text format: 0 if it does not include it.
    var textPrecision: Int {
        switch type {
        case "text/plain": version == nil || version == "0.0.4" ? 3 : 0
        case "text/*": 2
        case "*/*": 1
        default: 0
        }
    }
}
