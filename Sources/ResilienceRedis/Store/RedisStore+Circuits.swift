#if Redis
    public import CircuitBreakers
    internal import ResilienceCore

    extension RedisStore: CircuitStore {
        /// Merges what a node has counted, and tells what is known then; one script.
        ///
        /// - Throws: `SharedStateError`; `CancellationError` if the task is cancelled.
        public func exchange(_ report: CircuitReport) async throws -> SharedCircuit {
            try Self.circuit(
                in: try await run(
                    .circuit, keys.circuit(report.circuit), report.words(channel: keys.changes(report.circuit))))
        }

        /// What is known of a circuit.
        func state(of name: String) async throws -> SharedCircuit {
            try Self.circuit(in: try await run(.state, keys.circuit(name), []))
        }

        private static func circuit(in reply: [RedisReply]) throws -> SharedCircuit {
            var reader = ReplyReader(reply)
            let (phase, rest, holder) = (try reader.text(), try reader.duration(), try reader.text())
            let (epoch, opens) = (try reader.integer(), try reader.number())
            let counts = SharedCounts(
                calls: try reader.number(), failures: try reader.number(), slow: try reader.number())
            let (nodes, witnesses) = (try reader.number(), try reader.number())
            guard let phase = SharedCircuit.Phase(phase, rest, holder) else {
                throw SharedStateError.malformed("the phase of a circuit")
            }
            return SharedCircuit(
                phase, epoch: epoch, consecutiveOpens: opens, counts: counts, nodes: nodes, witnesses: witnesses,
                wasEmpty: try reader.integer() == 1)
        }

        /// Tells each change of the phase of some circuits, until the task is cancelled. After a connection was lost
        /// and made again, it tells the states that there are then.
        ///
        /// - Throws: `SharedStateError` when it cannot listen any longer; `CancellationError` once cancelled.
        public func changes(
            of circuits: [String], onChange: @escaping @Sendable (_ circuit: String, _ state: SharedCircuit) -> Void
        ) async throws {
            let names = Dictionary(circuits.map { (keys.changes($0), $0) }, uniquingKeysWith: { first, _ in first })
            let (gaps, gap) = AsyncStream.makeStream(of: String.self)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for await name in gaps {
                        // Where this fails, nodes see the change when they ask, from time to time.
                        guard let state = try? await state(of: name), state.epoch > 0 else { continue }
                        onChange(name, state)
                    }
                }
                defer { gap.finish() }
                try await listen(to: Array(names.keys)) { channel, message in
                    guard let name = names[channel], let state = SharedCircuit(message: message) else { return }
                    onChange(name, state)
                } onGap: { channel in
                    if let name = names[channel] { gap.yield(name) }
                }
            }
        }
    }

    extension SharedCircuit.Phase {
        fileprivate init?(_ word: some StringProtocol, _ rest: Duration, _ holder: String) {
            switch word {
            case "c": self = .closed
            case "o": self = .open(remaining: rest)
            case "p": self = .probing(node: holder, remaining: rest)
            default: return nil
            }
        }
    }

    extension SharedCircuit {
        /// What is published when the phase has changed. What follows behind is from a newer version, and not needed.
        init?(message: String) {
            let words = message.split(separator: " ", omittingEmptySubsequences: false)
            guard words.count >= 11, words[0] == "\(RedisStore.version)" else { return nil }
            let numbers = words[2..<10].map { Int64($0) }
            guard let rest = numbers[0], let epoch = numbers[1], let opens = numbers[2], let calls = numbers[3],
                let failures = numbers[4], let slow = numbers[5], let nodes = numbers[6], let witnesses = numbers[7],
                let phase = Phase(words[1], .microseconds(max(0, rest)), RedisKeys.unescaped(words[10]))
            else { return nil }
            self.init(
                phase, epoch: epoch, consecutiveOpens: Int(clamping: opens),
                counts: SharedCounts(
                    calls: Int(clamping: calls), failures: Int(clamping: failures), slow: Int(clamping: slow)),
                nodes: Int(clamping: nodes), witnesses: Int(clamping: witnesses))
        }
    }

    extension CircuitReport {
        /// The arguments of the script, every number within what doubles hold.
        fileprivate func words(channel: String) -> [String] {
            let most: Int64 = 1 << 52
            func epoch(_ epoch: Int64) -> String { "\(min(max(-1, epoch), most + 1))" }
            func microseconds(_ length: Duration, _ lower: Int64, _ upper: Int64) -> String {
                "\(min(max(lower, length.microseconds), upper))"
            }
            let (longestBreak, longestLease): (Int64, Int64) = (31_622_400_000_000, 3_600_000_000)
            let phase: [String] =
                switch known.phase {
                case .closed: ["c", "0", ""]
                case .open(let rest): ["o", microseconds(rest, 0, longestBreak), ""]
                case .probing(let node, let rest): ["p", microseconds(rest, 0, longestLease), node]
                }
            let asked: [String] =
                switch request {
                case .nothing: ["n", "0"]
                case .lease(let length): ["l", microseconds(length, 1_000, longestLease)]
                case .succeeded(let lease): ["s", epoch(lease)]
                case .failed(let lease): ["f", epoch(lease)]
                case .giveUp(let lease): ["g", epoch(lease)]
                case .open(let length): ["o", microseconds(length, 1_000, longestBreak)]
                case .close: ["c", "0"]
                }
            let parts = rule.parts
            let rule = [
                Int64(parts.trip.rawValue), parts.threshold, parts.minimumCalls, parts.window, parts.minimumNodes,
                parts.minimumShare, parts.maxNodeShare, parts.breakLength, parts.breakFactor, parts.maxBreakLength,
            ]
            let opens = min(max(0, Int64(known.consecutiveOpens)), SharedCircuitRecord.maxCount)
            return [node, epoch(known.epoch)] + phase + ["\(opens)"] + asked + rule.map { "\($0)" } + [channel]
                + slots.flatMap { slot -> [String] in
                    let counts = slot.counts.bounded
                    return [
                        "\(min(max(-most, slot.number), most))", microseconds(slot.age, 0, 1 << 50), "\(counts.calls)",
                        "\(counts.failures)", "\(counts.slow)",
                    ]
                }
        }
    }
#endif
