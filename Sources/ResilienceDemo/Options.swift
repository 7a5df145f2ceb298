/// What the command line asks for.
struct Options: Equatable {
    /// A run of about five seconds instead of twenty.
    var isQuick = false
    /// Decides the arrival times, the upstream's faults and the breaker's jitter.
    var seed: UInt64 = 1
}

/// A command line, read.
enum CommandLineRequest: Equatable {
    case run(Options)
    case help
    case invalid(String)

    static let helpText = """
        Usage: resilience-demo [--quick] [--seed N]

        Starts two copies of a small HTTP server on loopback ports and sends the same traffic to both with
        URLSession: to one directly, to the other through a policy of retries, a circuit breaker and a timeout.
        The servers go through five phases (healthy, slow, failing, down, recovered); a table at the end compares
        what callers and servers saw.

          --quick     take about 5 seconds instead of 20
          --seed N    another traffic and other faults; the same number gives the same ones (default: 1)
          -h, --help  show this text

        The view redraws in place on a terminal and prints plain lines elsewhere. NO_COLOR switches colours off.

        """

    /// Reads arguments, without the program's name.
    init(_ arguments: [String]) {
        var options = Options()
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            let (name, value) = Self.split(argument)
            switch name {
            case "-h", "--help", "--quick":
                guard value == nil else {
                    self = .invalid("option \"\(name)\" takes no value")
                    return
                }
                if name != "--quick" {
                    self = .help
                    return
                }
                options.isQuick = true
            case "--seed":
                guard let text = value ?? rest.popFirst() else {
                    self = .invalid("option \"--seed\" needs a number")
                    return
                }
                guard let seed = UInt64(text) else {
                    self = .invalid("\"\(text)\" is not a seed: it takes a whole number from 0 to \(UInt64.max)")
                    return
                }
                options.seed = seed
            default:
                let kind = argument.hasPrefix("-") ? "unknown option" : "unexpected argument"
                self = .invalid("\(kind) \"\(name)\"")
                return
            }
        }
        self = .run(options)
    }

    /// `--name=value` in its two parts; other arguments stay whole.
    private static func split(_ argument: String) -> (name: String, value: String?) {
        guard argument.hasPrefix("--"), let equals = argument.firstIndex(of: "=") else { return (argument, nil) }
        return (String(argument[..<equals]), String(argument[argument.index(after: equals)...]))
    }
}
