using System.Runtime.InteropServices;

namespace EoOnnx.Native;

/// <summary>The text of a thread's last failure, in memory that C code may read until the thread's next failure.</summary>
internal sealed class LastError
{
    [ThreadStatic]
    private static LastError? _ofThread;
    private nint _text;

    private LastError()
    {
    }

    ~LastError() => Marshal.FreeCoTaskMem(_text);

    /// <summary>UTF-8 text; empty before the first failure.</summary>
    public static nint Text => OfThread._text;

    private static LastError OfThread => _ofThread ??= new LastError { _text = Marshal.StringToCoTaskMemUTF8("") };

    /// <summary>Remembers a failure.</summary>
    public static void Set(string message)
    {
        var error = OfThread;
        Marshal.FreeCoTaskMem(error._text);
        error._text = Marshal.StringToCoTaskMemUTF8(message);
    }
}
