using System.Buffers;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;

namespace EoOnnx.Formats;

/// <summary>
/// A file mapped read-only into memory. Slices (<see cref="Slice"/>) are ordinary <see cref="ReadOnlyMemory{T}"/> that keep
/// the mapping alive; the mapping ends when the file object and all slices are unreachable. Pages are shared with every
/// process that maps the same file and can be evicted, so a mapped model costs no private memory.
/// </summary>
/// <remarks>There is deliberately no Dispose: a slice that outlives a disposed mapping would read freed memory.</remarks>
public sealed partial class MappedFile
{
    private readonly View? _view;

    private MappedFile(string path, long length, View? view)
    {
        Path = path;
        Length = length;
        _view = view;
    }

    /// <summary>Where the file was when it was opened.</summary>
    public string Path { get; }

    /// <summary>Length in bytes when it was opened.</summary>
    public long Length { get; }

    /// <summary>Maps a whole file.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="IOException">The file cannot be opened or mapped.</exception>
    public static MappedFile Open(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var length = stream.Length;
        return new MappedFile(path, length, length == 0 ? null : new View(stream, length));
    }

    /// <summary>Bytes <paramref name="offset"/> to <paramref name="offset"/> + <paramref name="length"/>, not copied.</summary>
    /// <exception cref="FileFormatException">The range does not lie within the file, or is longer than 2 GiB.</exception>
    public ReadOnlyMemory<byte> Slice(long offset, long length)
    {
        if (offset < 0 || length < 0 || offset > Length || length > Length - offset || length > int.MaxValue)
        {
            throw new FileFormatException(
                $"{Path} has {Length} bytes; bytes {offset} to {offset} + {length} do not lie within it. The file is truncated or damaged.");
        }

        return length == 0 ? ReadOnlyMemory<byte>.Empty : new SliceOwner(_view!, offset, (int)length).Memory;
    }

    /// <summary>Tells the system that the pages of a slice are not needed for now, so that they no longer count as this process's memory; they
    /// are read from the file again when they are used. Memory that is no slice of a mapped file is left alone, as is everything on systems other than Linux.</summary>
    public static void ReleasePages(ReadOnlyMemory<byte> slice)
    {
        if (OperatingSystem.IsLinux() && MemoryMarshal.TryGetMemoryManager<byte, SliceOwner>(slice, out var owner, out var start, out var length))
        {
            owner.ReleasePages(start, length);
        }
    }

    private sealed unsafe class View
    {
        private readonly MemoryMappedFile _file;
        private readonly MemoryMappedViewAccessor _accessor;

        public View(FileStream stream, long length)
        {
            _file = MemoryMappedFile.CreateFromFile(stream, null, length, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            _accessor = _file.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
            byte* pointer = null;
            _accessor.SafeMemoryMappedViewHandle.AcquirePointer(ref pointer);
            Start = pointer + _accessor.PointerOffset;
        }

        ~View()
        {
            _accessor.SafeMemoryMappedViewHandle.ReleasePointer();
            _accessor.Dispose();
            _file.Dispose();
        }

        public byte* Start { get; }
    }

    private sealed unsafe partial class SliceOwner(View view, long offset, int length) : MemoryManager<byte>
    {
        private const int DoNotNeed = 4;   // MADV_DONTNEED of Linux; the mapping is read-only, so nothing can be lost

        public void ReleasePages(int start, int count)
        {
            var page = Environment.SystemPageSize;
            var first = ((nint)(view.Start + offset + start) + page - 1) / page * page;
            var end = (nint)(view.Start + offset + start + count) / page * page;
            if (end > first)
            {
                // Advice: a system that does not take it keeps the pages until it needs them.
                _ = Advise(first, (nuint)(end - first), DoNotNeed);
            }
        }

        [LibraryImport("libc", EntryPoint = "madvise")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        private static partial int Advise(nint address, nuint length, int advice);

        public override Span<byte> GetSpan() => new(view.Start + offset, length);

        public override MemoryHandle Pin(int elementIndex = 0) => new(view.Start + offset + elementIndex, pinnable: this);

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
