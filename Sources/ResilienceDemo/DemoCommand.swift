import Foundation

/// `resilience-demo`
@main
struct DemoCommand {
    static func main() async {
        // A reader that goes away is seen as an error of the write.
        signal(SIGPIPE, SIG_IGN)
        // libcurl, under URLSession on Linux, takes proxies from the environment.
        setenv("no_proxy", "127.0.0.1", 1)
        Socket.raiseDescriptorLimit()
        exit(await run(Array(CommandLine.arguments.dropFirst())))
    }

    /// Returns the exit status.
    static func run(_ arguments: [String], complain: (String) -> Void = writeError) async -> Int32 {
        switch CommandLineRequest(arguments) {
        case .run(let options):
            if let fleet = options.fleet { return await run(fleet, options, complain) }
            return await run(options, complain)
        case .node(let options):
            return await runNode(options, complain)
        case .help:
            try? Terminal.write(CommandLineRequest.helpText)
            return EXIT_SUCCESS
        case .invalid(let message):
            complain("\(message); try \"resilience-demo --help\"")
            return EX_USAGE
        }
    }

    private static func run(_ options: Options, _ complain: (String) -> Void) async -> Int32 {
        let mode = ViewMode.choose(environment: ProcessInfo.processInfo.environment, size: Terminal.size)
        let interruption = Interruption()
        do {
            let demo = Demo(options: options, mode: mode)
            let report = try await interruption.guarding {
                try await demo.run { address in
                    try Terminal.write("status page: \(address) (also /metrics, /health, /status.json)\n")
                } onRound: { comparison in
                    let lines = ComparisonTable(comparison: comparison).lines
                    try Terminal.write("\n" + lines.joined(separator: "\n") + "\n\n")
                    if let file = options.picture {
                        try Picture(comparison).svg.write(toFile: file, atomically: true, encoding: .utf8)
                    }
                }
            }
            try Terminal.write(ReportText(report).lines.joined(separator: "\n") + "\n")
            return EXIT_SUCCESS
        } catch is Terminal.Closed {
            return 128 + SIGPIPE
        } catch {
            if let signal = interruption.signal {
                try? Terminal.write("stopped\n")
                return 128 + signal
            }
            complain("\(error)")
            return EXIT_FAILURE
        }
    }

    private static func run(
        _ fleet: FleetOptions, _ options: Options, _ complain: (String) -> Void
    ) async -> Int32 {
        guard FleetNode.isBuilt else {
            complain("--fleet needs Redis: swift run --traits Redis resilience-demo --fleet \(fleet.nodes)")
            return EX_UNAVAILABLE
        }
        let interruption = Interruption()
        do {
            let demo = FleetDemo(options: options, fleet: fleet)
            let lines = try await interruption.guarding { try await demo.run() }
            try Terminal.write("\n" + lines.joined(separator: "\n") + "\n")
            return EXIT_SUCCESS
        } catch is Terminal.Closed {
            return 128 + SIGPIPE
        } catch {
            if let signal = interruption.signal { return 128 + signal }
            complain("\(error)")
            return EXIT_FAILURE
        }
    }

    private static func runNode(_ options: FleetNodeOptions, _ complain: (String) -> Void) async -> Int32 {
        let interruption = Interruption()
        do {
            try await interruption.guarding { try await FleetNode(options: options).run() }
            return EXIT_SUCCESS
        } catch {
            if interruption.signal != nil { return EXIT_SUCCESS }
            complain("node \(options.number + 1): \(error)")
            return EXIT_FAILURE
        }
    }

    private static func writeError(_ text: String) {
        FileHandle.standardError.write(Data("resilience-demo: \(text)\n".utf8))
    }
}
