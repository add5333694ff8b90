using System.Net;

namespace EoOnnx.Export.Models;

/// <summary>What a server's answer means for a partial file.</summary>
/// <param name="Start">Position of the first byte that follows.</param>
/// <param name="Total">Size of the whole file, when the server says it.</param>
/// <param name="Validator">The entity tag or date that identifies this version of the file; null when there is none that a resumption may rely on.</param>
/// <param name="IsComplete">Whether the partial file is whole already and no body is of interest.</param>
internal readonly record struct ServerReply(long Start, long? Total, string? Validator, bool IsComplete = false)
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);

    /// <exception cref="TransientDownloadException">The server is busy, or the attempt must be repeated from the start.</exception>
    /// <exception cref="ModelCardException">The server refuses, or answers with a web page.</exception>
    public static ServerReply Read(HttpResponseMessage response, PartialFile file, Uri address)
    {
        var headers = response.Content.Headers;
        switch (response.StatusCode)
        {
            case HttpStatusCode.OK when headers.ContentType?.MediaType is "text/html":
                throw new ModelCardException($"{address} answers with a web page instead of a file. Is a login or a proxy in between? Try another --mirror.");
            case HttpStatusCode.OK:
                return new ServerReply(0, headers.ContentLength, ValidatorOf(response));
            case HttpStatusCode.PartialContent when headers.ContentRange is { HasRange: true } range && range.From == file.Length && (file.Total is null || range.Length is null || range.Length == file.Total):
                return new ServerReply(file.Length, range.Length, file.Validator);
            case HttpStatusCode.PartialContent:
                file.Restart();
                throw new TransientDownloadException($"{address.Host} answered with another part of the file than was asked for ({headers.ContentRange}).");
            case HttpStatusCode.RequestedRangeNotSatisfiable when headers.ContentRange?.Length == file.Length && file.Length > 0:
                return new ServerReply(file.Length, file.Length, file.Validator, IsComplete: true);
            case HttpStatusCode.RequestedRangeNotSatisfiable:
                file.Restart();
                throw new TransientDownloadException($"{address.Host} has another file than before.");
            case HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError:
                throw new TransientDownloadException($"{address.Host} answered {(int)response.StatusCode} {response.ReasonPhrase}.") { RetryAfter = RetryAfterOf(response) };
            case HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden:
                throw new ModelCardException($"{address} answered {(int)response.StatusCode}: it asks for a login. Fetch the file in a browser and put it into the folder of --to, or use a --mirror.");
            default:
                throw new ModelCardException($"{address} answered {(int)response.StatusCode} {response.ReasonPhrase}: the file is not there. Try another --mirror, or look at the source that 'eoonnx models show' names.");
        }
    }

    // If-Range needs a strong entity tag; a date serves where there is none (RFC 9110, 13.1.5).
    private static string? ValidatorOf(HttpResponseMessage response) =>
        response.Headers.ETag is { IsWeak: false } tag ? tag.Tag
        : response.Content.Headers.LastModified is { } date ? date.ToString("R", System.Globalization.CultureInfo.InvariantCulture) : null;

    // Seconds, or a date on the server's clock where it tells that, else on ours (RFC 9110, 10.2.3).
    private static TimeSpan? RetryAfterOf(HttpResponseMessage response) => response.Headers.RetryAfter is { } after
        && (after.Delta ?? after.Date - (response.Headers.Date ?? DateTimeOffset.UtcNow)) is { } pause && pause > TimeSpan.Zero
        ? TimeSpan.FromTicks(Math.Min(pause.Ticks, LongestPause.Ticks)) : null;
}
