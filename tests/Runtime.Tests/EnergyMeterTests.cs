using System.Globalization;

namespace EoOnnx.Runtime.Tests;

public sealed class EnergyMeterTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-powercap-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_counters_of_all_packages_are_added_up_and_one_that_begins_again_goes_on_behind_its_range()
    {
        Zone("intel-rapl:0", "package-0", 5_000_000);
        Zone("intel-rapl:1", "package-1", 261_000_000, range: 262_000_000);
        Zone("intel-rapl:0:0", "core", 1);          // a part of package 0
        Zone("intel-rapl:2", "psys", 1);            // the whole machine, packages included
        using var meter = new EnergyMeter(Device.Cpu, _folder, gpu: null);
        Set("intel-rapl:0", 7_500_000);             // 2.5 J
        Set("intel-rapl:1", 3_000_000);             // 1 J up to the range, then 3 J
        Set("intel-rapl:0:0", 900_000_000);
        Set("intel-rapl:2", 900_000_000);
        Assert.Equal((6.5, true), (meter.Result().Joules, meter.Result().IsMeasured));

        // A second time round: steps add up.
        Set("intel-rapl:1", 100_000_000);
        Assert.Equal(103.5, meter.Result().Joules);
        Set("intel-rapl:1", 0);
        Assert.Equal(265.5, meter.Result().Joules);
    }

    [Theory]
    [InlineData(false, null)]
    [InlineData(true, "")]          // what is no number
    [InlineData(true, null)]        // a package whose counter is not there
    public void Without_all_counters_energy_is_an_estimate_from_processor_time(bool hasPackages, string? second)
    {
        if (hasPackages)
        {
            Zone("intel-rapl:0", "package-0", 5_000_000);
            Zone("intel-rapl:1", "package-1", 5_000_000);
            File.Delete(Path.Combine(_folder, "intel-rapl:1", "energy_uj"));
            if (second is not null)
            {
                File.WriteAllText(Path.Combine(_folder, "intel-rapl:1", "energy_uj"), second);
            }
        }

        using var meter = new EnergyMeter(Device.Cpu, _folder, gpu: null);
        var use = meter.Result();
        Assert.False(use.IsMeasured);
        Assert.Equal(use.ProcessorSeconds * EnergyUse.WattsPerCore, use.Joules);
    }

    [Fact]
    public void The_energy_of_a_GPU_that_does_not_tell_is_not_called_measured()
    {
        Zone("intel-rapl:0", "package-0", 5_000_000);
        using var meter = new EnergyMeter(Device.Cuda(), _folder, NvidiaManagement.Find(Device.Cuda(), "no-such-library.so"));
        Assert.False(meter.Result().IsMeasured);
    }

    private void Zone(string zone, string name, long energy, long range = 262_143_328_850)
    {
        Directory.CreateDirectory(Path.Combine(_folder, zone));
        File.WriteAllText(Path.Combine(_folder, zone, "name"), name + "\n");
        File.WriteAllText(Path.Combine(_folder, zone, "max_energy_range_uj"), range.ToString(CultureInfo.InvariantCulture) + "\n");
        Set(zone, energy);
    }

    private void Set(string zone, long energy) => File.WriteAllText(Path.Combine(_folder, zone, "energy_uj"), energy.ToString(CultureInfo.InvariantCulture) + "\n");
}
