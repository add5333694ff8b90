using System.Globalization;
using System.Net;
using Hangfire;
using Hangfire.Dashboard;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;

namespace EoOnnx.Queue;

/// <summary>
/// Hangfire's pages about the queue, for browsers on this machine: it listens on loopback alone, and answers only to the names of loopback, lest
/// a page from elsewhere reaches it under a name of its own.
/// </summary>
internal sealed class QueueDashboard : IAsyncDisposable
{
    private readonly WebApplication _pages;

    private QueueDashboard(WebApplication pages) => _pages = pages;

    /// <summary>Where the pages are.</summary>
    public string Url => _pages.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single() + "/";

    /// <summary>Starts to listen.</summary>
    /// <param name="storage">The queue; stays the caller's.</param>
    /// <param name="title">What the pages are called.</param>
    /// <param name="port">0 takes a free one.</param>
    /// <param name="mayChange">Whether the pages can put scenes back and remove them; else they show only.</param>
    /// <exception cref="QueueException">The port is taken.</exception>
    public static async Task<QueueDashboard> StartAsync(JobStorage storage, string title, int port, bool mayChange)
    {
        // Nothing of the host comes from files or from the environment: no setting of another program opens it to the network.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(server => server.Listen(IPAddress.Loopback, port));
        builder.Services.AddHostFiltering(filtering => filtering.AllowedHosts = ["localhost", "127.0.0.1"]);
        builder.Services.AddAntiforgery();
        builder.Services.AddDataProtection().UseEphemeralDataProtectionProvider();
        var pages = builder.Build();
        pages.UseHostFiltering();
        pages.UseMiddleware<AspNetCoreDashboardMiddleware>(storage, Options(title, mayChange), DashboardRoutes.Routes, true);
        try
        {
            await pages.StartAsync().ConfigureAwait(false);
            return new QueueDashboard(pages);
        }
        catch (IOException failure)
        {
            await pages.DisposeAsync().ConfigureAwait(false);
            throw new QueueException(string.Create(CultureInfo.InvariantCulture, $"The dashboard cannot listen on port {port}: {failure.Message} Choose another with --dashboard, or 0 for any that is free."), failure);
        }
    }

    public ValueTask DisposeAsync() => _pages.DisposeAsync();

    private static DashboardOptions Options(string title, bool mayChange) => new()
    {
        AppPath = null, // there is no site to go back to
        DashboardTitle = title,
        DisplayStorageConnectionString = false,
        DisplayNameFunc = (_, job) => QueueMonitor.SceneOf(job)?.Name ?? "scene",
        IsReadOnlyFunc = _ => !mayChange,
    };
}
