using Hangfire.Common;
using Hangfire.Logging;
using Hangfire.PostgreSql;
using Hangfire.PostgreSql.Factories;
using Npgsql;

namespace EoOnnx.Queue;

/// <summary>Opens Hangfire's tables in the database, in a schema of their own.</summary>
internal static class QueueStorage
{
    private const string Schema = "eoonnx";

    /// <summary>Opens the queue; makes its tables when they are missing.</summary>
    /// <param name="address">The database.</param>
    /// <param name="lostAfter">A scene whose worker has not been heard of for so long is given to another. Workers report five times as often.</param>
    /// <exception cref="QueueException">The database cannot be reached or refuses.</exception>
    public static PostgreSqlStorage Open(QueueAddress address, TimeSpan lostAfter)
    {
        // Types of jobs come from the database: only these are ever looked up, whatever is written there.
        TypeHelper.CurrentTypeResolver = Resolve;
        try
        {
            var options = new PostgreSqlStorageOptions
            {
                SchemaName = Schema,
                InvisibilityTimeout = lostAfter,
                UseSlidingInvisibilityTimeout = true,
                // Locks of the database are held for the moment of a change; those of a killed worker must not hold up the others for longer.
                DistributedLockTimeout = lostAfter,
                QueuePollInterval = TimeSpan.FromSeconds(1),
                EnableTransactionScopeEnlistment = false,
                StartupConnectionMaxRetries = 0,
            };
            using var exclusive = OpenExclusively(address);
            return new PostgreSqlStorage(new NpgsqlConnectionFactory(address.ConnectionString, options), options);
        }
        catch (Exception failure) when (failure is NpgsqlException or InvalidOperationException or TimeoutException)
        {
            throw new QueueException($"Cannot open the queue {address}: {(failure.InnerException ?? failure).Message} Check host, database, user and password (PGPASSWORD or {QueueAddress.Variable}).", failure);
        }
    }

    /// <summary>Sends warnings and errors of Hangfire to a log, a line each.</summary>
    public static void LogTo(IProgress<WorkerMessage> log) => LogProvider.SetCurrentLogProvider(new LineLogs(log));

    // Workers that start at once would make the same tables: one at a time, until this connection is closed.
    private static NpgsqlConnection OpenExclusively(QueueAddress address)
    {
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(address.ConnectionString) { Pooling = false }.ConnectionString);
        try
        {
            connection.Open();
            using var command = new NpgsqlCommand("SELECT pg_advisory_lock(hashtext($1))", connection) { Parameters = { new NpgsqlParameter { Value = Schema } } };
            command.ExecuteNonQuery();
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private static Type Resolve(string name)
    {
        var known = name.Split(',')[0].Trim();
        return known == typeof(QueuedScenes).FullName ? typeof(QueuedScenes)
            : known == typeof(string).FullName ? typeof(string)
            : known == typeof(CancellationToken).FullName ? typeof(CancellationToken)
            : throw new QueueException($"The queue holds a job of the kind '{known}', which is not one of eoonnx.");
    }

    private sealed class LineLogs(IProgress<WorkerMessage> log) : ILogProvider, ILog
    {
        public ILog GetLogger(string name) => this;

        public bool Log(LogLevel logLevel, Func<string>? messageFunc, Exception? exception = null)
        {
            // A scene that fails is told by the job itself.
            if (logLevel >= LogLevel.Warn && messageFunc is not null)
            {
                log.Report(new WorkerMessage("queue", $"{messageFunc().ReplaceLineEndings(" ")}{(exception is null ? "" : " " + exception.Message.ReplaceLineEndings(" "))}"));
            }

            return logLevel >= LogLevel.Warn;
        }
    }
}
