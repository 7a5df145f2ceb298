#if GRPC
    /// The text of `grpc-timeout`: up to eight digits and a unit.
    enum RPCTimeout {
        private static let units: [(name: Character, nanoseconds: Int64)] = [
            ("n", 1), ("u", 1_000), ("m", 1_000_000), ("S", 1_000_000_000), ("M", 60_000_000_000),
            ("H", 3_600_000_000_000),
        ]

        /// What a field says; `nil` if it is not as gRPC has it. The longest duration where it is longer than that.
        static func duration(of text: String) -> Duration? {
            guard let name = text.last, let unit = units.first(where: { $0.name == name }) else { return nil }
            let digits = text.utf8.dropLast()
            guard (1...8).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
            let count = digits.reduce(Int64(0)) { $0 * 10 + Int64($1 - 48) }
            let (nanoseconds, overflows) = count.multipliedReportingOverflow(by: unit.nanoseconds)
            return .nanoseconds(overflows ? .max : nanoseconds)
        }
    }
#endif
