using System.Globalization;
using Npgsql;

namespace EoOnnx.Queue;

/// <summary>
/// Where the queue is: a PostgreSQL database. Its text never shows the password. What an address leaves open comes from the environment as
/// for other programs of PostgreSQL (<c>PGPASSWORD</c>, <c>~/.pgpass</c>).
/// </summary>
public sealed class QueueAddress
{
    /// <summary>The environment variable that holds an address, password included, out of sight of process lists.</summary>
    public const string Variable = "EOONNX_QUEUE";

    private QueueAddress(NpgsqlConnectionStringBuilder connection) => ConnectionString = connection.ConnectionString;

    /// <summary>For Npgsql; holds the password.</summary>
    internal string ConnectionString { get; }

    /// <summary>Reads <c>postgres://user:password@host:port/database?option=value</c>, a connection string of Npgsql, or <c>env</c>: then <see cref="Variable"/> holds one of these.</summary>
    /// <exception cref="ArgumentException">The text is none of these; the message does not repeat it, because it may hold a password.</exception>
    public static QueueAddress Parse(string? text)
    {
        if (text is null or "env")
        {
            text = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } value && value != "env" ? value
                : throw new ArgumentException($"There is no address of a queue: give --queue postgres://user@host/database, or set {Variable}.");
        }

        try
        {
            var isUrl = text.StartsWith("postgres://", StringComparison.OrdinalIgnoreCase) || text.StartsWith("postgresql://", StringComparison.OrdinalIgnoreCase);
            var connection = isUrl ? FromUrl(new Uri(text)) : new NpgsqlConnectionStringBuilder(text);
            connection.ApplicationName ??= "eoonnx";
            connection.Enlist = false;   // Hangfire has transactions of its own
            return connection is { Host.Length: > 0, Database.Length: > 0 } ? new QueueAddress(connection) : throw new ArgumentException("host or database is missing");
        }
        catch (Exception failure) when (failure is ArgumentException or FormatException or KeyNotFoundException or InvalidCastException)
        {
            // The failure of a parser may quote the text: it is not passed on.
            throw new ArgumentException("The address of the queue is not understood (it is not repeated, as it may hold a password); expected postgres://user@host:5432/database or Host=…;Database=…;Username=….");
        }
    }

    /// <summary>Host and database.</summary>
    public override string ToString()
    {
        var connection = new NpgsqlConnectionStringBuilder(ConnectionString);
        return string.Create(CultureInfo.InvariantCulture, $"{connection.Host}:{connection.Port}/{connection.Database}");
    }

    private static NpgsqlConnectionStringBuilder FromUrl(Uri url)
    {
        var connection = new NpgsqlConnectionStringBuilder { Host = Uri.UnescapeDataString(url.Host), Database = Uri.UnescapeDataString(url.AbsolutePath.TrimStart('/')) };
        if (url.Port > 0)
        {
            connection.Port = url.Port;
        }

        if (url.UserInfo.Split(':', 2) is [{ Length: > 0 } user, ..] parts)
        {
            connection.Username = Uri.UnescapeDataString(user);
            connection.Password = parts.Length > 1 ? Uri.UnescapeDataString(parts[1]) : null;
        }

        foreach (var parameter in url.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var pair = parameter.Split('=', 2);
            connection[Uri.UnescapeDataString(pair[0])] = pair.Length > 1 ? Uri.UnescapeDataString(pair[1]) : "";
        }

        return connection;
    }
}
