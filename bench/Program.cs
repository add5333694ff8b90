using EoOnnx.Bench.Encoder;

// dotnet run -c Release --project bench [-p:Peer=TorchSharp] -- encoder [threads] [repetitions]
if (args is not ["encoder", ..])
{
    Console.Error.WriteLine("usage: dotnet run -c Release --project bench [-p:Peer=TorchSharp] -- encoder [threads] [repetitions]");
    return 2;
}

var threads = args.Length > 1 ? int.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture) : 2;
var repetitions = args.Length > 2 ? int.Parse(args[2], System.Globalization.CultureInfo.InvariantCulture) : 5;
EncoderComparison.Run(threads, repetitions, Console.Out);
return 0;
