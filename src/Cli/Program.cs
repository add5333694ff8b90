namespace EoOnnx.Cli;

internal static class Program
{
    public static int Main()
    {
        Console.Error.WriteLine("eoonnx: no verb given.");
        return 2;
    }
}
