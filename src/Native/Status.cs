namespace EoOnnx.Native;

/// <summary><c>eoonnx_status</c> of the header.</summary>
internal enum Status
{
    Ok = 0,
    Failed = 1,
    InvalidArgument = 2,
    InvalidHandle = 3,
    Cancelled = 130,
}
