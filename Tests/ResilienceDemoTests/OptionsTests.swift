import Synchronization
import Testing

@testable import ResilienceDemo

@Suite("Command line")
struct OptionsTests {
    @Test(
        "Options are read in any order",
        arguments: [
            ([], Options()),
            (["--quick"], Options(isQuick: true)),
            (["--seed", "7"], Options(seed: 7)),
            (["--seed=7", "--quick"], Options(isQuick: true, seed: 7)),
            (["--seed", "0"], Options(seed: 0)),
            (["--seed", "18446744073709551615"], Options(seed: .max)),
            (["--seed", "1", "--seed", "2"], Options(seed: 2)),
            (["--serve", "--port", "8080"], Options(isServing: true, port: 8080)),
            (["--port=0"], Options()),
            (["--port", "65535", "--host", "0.0.0.0"], Options(port: 65535, host: "0.0.0.0")),
            (["--host=10.1.2.3"], Options(host: "10.1.2.3")),
            (["--picture", "a.svg"], Options(picture: "a.svg")),
        ])
    func order(arguments: [String], expected: Options) {
        #expect(CommandLineRequest(arguments) == .run(expected))
    }

    @Test(
        "Help is shown when asked for",
        arguments: [["--help"], ["-h"], ["--quick", "--help"], ["--help", "--unknown"]])
    func help(arguments: [String]) {
        #expect(CommandLineRequest(arguments) == .help)
    }

    @Test("The help names every option")
    func helpText() {
        for option in ["--quick", "--seed", "--serve", "--port", "--host", "--picture", "--help", "-h", "NO_COLOR"] {
            #expect(CommandLineRequest.helpText.contains(option))
        }
    }

    private static let faults = [
        (["--fast"], "unknown option \"--fast\""),
        (["--fast=1"], "unknown option \"--fast\""),
        (["-q"], "unknown option \"-q\""),
        (["-"], "unknown option \"-\""),
        (["--"], "unknown option \"--\""),
        (["loud"], "unexpected argument \"loud\""),
        ([""], "unexpected argument \"\""),
        (["--quick=yes"], "option \"--quick\" takes no value"),
        (["--help=seed"], "option \"--help\" takes no value"),
        (["--seed"], "option \"--seed\" needs a number"),
        (["--serve=yes"], "option \"--serve\" takes no value"),
        (["--port"], "option \"--port\" needs a number"),
        (["--port", "65536"], "\"65536\" is not a port: it takes a whole number from 0 to 65535"),
        (["--port", "-1"], "\"-1\" is not a port: it takes a whole number from 0 to 65535"),
        (["--host"], "option \"--host\" needs an address"),
        (["--host", "localhost"], "\"localhost\" is not an IPv4 address: it takes four numbers, such as 127.0.0.1"),
        (["--host", "::1"], "\"::1\" is not an IPv4 address: it takes four numbers, such as 127.0.0.1"),
        (["--host="], "\"\" is not an IPv4 address: it takes four numbers, such as 127.0.0.1"),
        (["--seed", "x"], "\"x\" is not a seed: it takes a whole number from 0 to 18446744073709551615"),
        (["--seed="], "\"\" is not a seed: it takes a whole number from 0 to 18446744073709551615"),
        (["--seed", "-1"], "\"-1\" is not a seed: it takes a whole number from 0 to 18446744073709551615"),
        (["--seed", "1.5"], "\"1.5\" is not a seed: it takes a whole number from 0 to 18446744073709551615"),
        (
            ["--seed", "18446744073709551616"],
            "\"18446744073709551616\" is not a seed: it takes a whole number from 0 to 18446744073709551615"
        ),
        (["--seed", "--quick"], "\"--quick\" is not a seed: it takes a whole number from 0 to 18446744073709551615"),
    ]

    @Test("A wrong command line is told of, and the exit status is 64", arguments: faults)
    func fault(arguments: [String], message: String) async {
        var complaints: [String] = []
        let status = await DemoCommand.run(arguments) { complaints.append($0) }
        #expect(status == 64)
        #expect(complaints == [message + "; try \"resilience-demo --help\""])
    }
}
